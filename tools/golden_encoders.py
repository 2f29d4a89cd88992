"""The encoders among the reference checkpoints of tests/golden: one case for each thing that a configuration can switch
and that no other case shows. Called by make_golden.py."""

import json

from transformers import (
    DebertaV2Config, DebertaV2ForMaskedLM, DebertaV2ForSequenceClassification, DebertaV2ForTokenClassification,
    DistilBertConfig, DistilBertForMaskedLM, DistilBertForSequenceClassification, ElectraConfig, ElectraForMaskedLM,
    ElectraForPreTraining, ElectraForSequenceClassification, EuroBertConfig, EuroBertForMaskedLM,
    EuroBertForSequenceClassification, LongformerConfig, LongformerForQuestionAnswering,
    LongformerForSequenceClassification, LongformerForTokenClassification, MegatronBertConfig,
    MegatronBertForPreTraining, ModernBertConfig, ModernBertForMaskedLM, ModernBertForSequenceClassification,
    RobertaConfig, RobertaForMaskedLM, RobertaForSequenceClassification, RobertaModel)

VOCAB = 112
SIZES = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=64, attn_implementation="eager")
ROBERTA = dict(SIZES, type_vocab_size=1, pad_token_id=1)
DISTILBERT = dict(vocab_size=VOCAB, dim=32, hidden_dim=48, n_layers=2, n_heads=4, max_position_embeddings=64,
                  attn_implementation="eager")
MODERNBERT = dict(SIZES, num_hidden_layers=4, local_attention=6, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                  cls_token_id=1, sep_token_id=2)
EUROBERT = dict(SIZES, num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2, mask_token_id=3)
LONGFORMER = dict(ROBERTA, sep_token_id=2)
DEBERTA = dict(SIZES, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
               pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0)


def old_modernbert_keys(folder):
    """The layers and both rope thetas as the published configurations of 2024 state them."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["layer_types"], config["rope_parameters"]
    config.update(global_attn_every_n_layers=3, global_rope_theta=160000.0, local_rope_theta=10000.0)
    path.write_text(json.dumps(config, indent=1))


def make_all(make):
    """make(family, case, model, seed, notes, ...) as in make_golden.py."""
    # Padding inside the text has a position of its own.
    padded = dict(first_id=0)
    make("roberta", "sequence", RobertaForSequenceClassification(RobertaConfig(**ROBERTA, num_labels=5)), 30,
         "classifier.dense, tanh, classifier.out_proj on the first token", **padded)
    make("roberta", "masked_lm", RobertaForMaskedLM(RobertaConfig(**ROBERTA)), 31, "lm_head, tied", **padded)
    make("roberta", "pooled", RobertaModel(RobertaConfig(**ROBERTA)), 32, "bare, with pooler", **padded)
    make("distilbert", "sequence", DistilBertForSequenceClassification(DistilBertConfig(**DISTILBERT, num_labels=5)), 33,
         "pre_classifier, relu, classifier")
    make("distilbert", "masked_lm", DistilBertForMaskedLM(DistilBertConfig(**DISTILBERT)), 34, "vocab_*, tied")
    electra = ElectraConfig(**SIZES, embedding_size=24, num_labels=5)
    for case, kind, seed in (("sequence", ElectraForSequenceClassification, 35), ("generator", ElectraForMaskedLM, 36),
                             ("discriminator", ElectraForPreTraining, 37)):
        make("electra", case, kind(electra), seed, f"{case}, embeddings narrower than the layers", encoder=True)
    make("megatron_bert", "pretraining", MegatronBertForPreTraining(MegatronBertConfig(**SIZES)), 38,
         "masked LM and sentence order heads", encoder=True)
    make("modernbert", "sequence_mean_biases", ModernBertForSequenceClassification(ModernBertConfig(
        **MODERNBERT, num_labels=5, classifier_pooling="mean", norm_bias=True, attention_bias=True, mlp_bias=True,
        classifier_bias=True)), 39, "mean pooling, biases everywhere, newer configuration keys")
    old_modernbert_keys(make("modernbert", "masked_lm", ModernBertForMaskedLM(ModernBertConfig(**MODERNBERT)), 40,
                             "tied decoder with a bias, older configuration keys"))
    make("eurobert", "sequence_late", EuroBertForSequenceClassification(EuroBertConfig(**EUROBERT, num_labels=5)), 41,
         "the mean of each token's logits")
    make("eurobert", "masked_lm", EuroBertForMaskedLM(EuroBertConfig(**EUROBERT)), 42, "its own output matrix")
    make("longformer", "sequence", LongformerForSequenceClassification(LongformerConfig(
        **LONGFORMER, attention_window=8, num_labels=5)), 43, "the first token is global by the head", hidden=False)
    make("longformer", "question", LongformerForQuestionAnswering(LongformerConfig(**LONGFORMER, attention_window=[8, 4])),
         44, "the question, up to the first separator, is global", hidden=False, separators=(4, 5, -1))
    make("longformer", "globals", LongformerForTokenClassification(LongformerConfig(
        **LONGFORMER, attention_window=[4, 8], num_labels=5)), 45, "global tokens that the caller names", hidden=False,
         globals_at=(0, 3, 10))
    long = dict(lengths=(50, 11))
    make("deberta_v2", "sequence", DebertaV2ForSequenceClassification(DebertaV2Config(**DEBERTA, num_labels=5)), 46,
         "v3 form: log buckets, shared projections; pooler", **long)
    make("deberta_v2", "masked_lm_v3", DebertaV2ForMaskedLM(DebertaV2Config(**DEBERTA, legacy=False)), 47,
         "lm_predictions head")
    make("deberta_v2", "own_projections", DebertaV2ForTokenClassification(DebertaV2Config(
        **{**DEBERTA, "share_att_key": False, "norm_rel_ebd": "none"}, num_labels=5)), 48,
         "pos_key_proj and pos_query_proj, places without norm", **long)
    make("deberta_v2", "c2p_linear", DebertaV2ForTokenClassification(DebertaV2Config(
        **{**DEBERTA, "pos_att_type": ["c2p"], "position_buckets": -1, "max_relative_positions": 12}, num_labels=5)), 49,
         "one relative term, linear places", **long)
    make("deberta_v2", "convolution_projected", DebertaV2ForTokenClassification(DebertaV2Config(
        **DEBERTA, embedding_size=24, conv_kernel_size=5, conv_act="tanh", num_labels=5)), 50,
         "convolution of five taps, embeddings narrower than the layers", **long)
    make("deberta_v2", "absolute", DebertaV2ForTokenClassification(DebertaV2Config(
        **SIZES, type_vocab_size=2, position_biased_input=True, num_labels=5)), 51,
         "absolute positions and token types, no relative term", encoder=True)
