"""Makes the small reference checkpoints under tests/golden: random weights in the published layouts, and what
the reference implementation (transformers, fp32, eager attention, one sequence at a time) answers for them.

Run by `./dev golden`, which provides the pinned packages. Every case is reproducible from its seed.
"""

import json
import pathlib
import shutil
import sys

import golden_encoders
import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification,
    BertModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM,
    Qwen3Config, Qwen3ForCausalLM, Qwen3ForTokenClassification)

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
VOCAB = 112
TOLERANCE = 1e-4

DECODER = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
               max_position_embeddings=256, attn_implementation="eager", initializer_range=0.2, bos_token_id=1,
               eos_token_id=2)
ENCODER = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
               max_position_embeddings=64, attn_implementation="eager", initializer_range=0.2)


def randomise(model, seed):
    """Random values everywhere, norms and biases included, so that no term of the formula hides."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.3 if parameter.ndim == 1 else 0.25
            centre = 1.0 if ("norm" in name.lower() or ".ln." in name) and name.endswith("weight") else 0.0
            parameter.copy_(centre + scale * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def inputs(seed, lengths=(29, 11), first_id=3, separators=()):
    rng = np.random.default_rng(seed)
    texts = [torch.from_numpy(rng.integers(first_id, VOCAB, size=n)) for n in lengths]
    for ids in texts:
        for place in separators:
            ids[place] = 2
    return texts


def answers(model, encoder, greedy, seed, hidden=True, globals_at=None, **form):
    tensors = {}
    for i, ids in enumerate(inputs(seed, **form)):
        arguments = {"input_ids": ids[None]}
        tensors[f"ids_{i}"] = ids
        if globals_at is not None:
            marks = torch.zeros_like(ids)
            marks[list(globals_at)] = 1
            arguments["global_attention_mask"] = marks[None]
            tensors[f"global_{i}"] = marks
        if encoder:
            types = (torch.arange(len(ids)) >= len(ids) // 2).long()
            arguments["token_type_ids"] = types[None]
            tensors[f"token_type_{i}"] = types
        with torch.no_grad():
            out = model(**arguments, output_hidden_states=hidden)
        for name in ("logits", "start_logits", "end_logits", "last_hidden_state", "pooler_output", "prediction_logits",
                     "seq_relationship_logits"):
            if getattr(out, name, None) is not None:
                tensors[f"{name}_{i}"] = getattr(out, name)[0]
        for layer, states in enumerate(out.hidden_states if hidden else ()):
            tensors[f"hidden_{i}_{layer}"] = states[0]
    if greedy:
        ids = inputs(seed)[0]
        sequence = ids.clone()
        for _ in range(12):
            with torch.no_grad():
                sequence = torch.cat([sequence, model(input_ids=sequence[None]).logits[0, -1:].argmax(-1)])
        tensors["greedy_0"] = sequence[len(ids):]
    return {name: value.contiguous().clone() for name, value in tensors.items()}


def write_golden(folder, tensors, notes):
    save_file(tensors, folder / "golden.safetensors")
    meta = {"reference": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, fp32 eager, CPU",
            "relative_tolerance": TOLERANCE, "notes": notes}
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")


def fresh(family, case):
    folder = ROOT / family / case
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def make(family, case, model, seed, notes, encoder=False, save=None, dtype=None, **form):
    folder = fresh(family, case)
    randomise(model, seed)
    if dtype is not None:
        # The reference computes in fp32 on the rounded values.
        model.load_state_dict({k: v.to(dtype).float() for k, v in model.state_dict().items()})
    write_golden(folder, answers(model, encoder, model.can_generate() and not encoder, seed, **form), notes)
    stored = model.to(dtype) if dtype is not None else model
    (save or (lambda m, f: m.save_pretrained(f)))(stored, folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    print(f"{family}/{case}: {sum(p.stat().st_size for p in folder.iterdir()) // 1024} KiB")
    return folder


def save_pickle(model, folder):
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def save_legacy_pickle(model, folder):
    """As uploads of 2019 are: gamma and beta, the form of before PyTorch 1.6, no layer_norm_eps."""
    model.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    del config["layer_norm_eps"]
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    state = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
             for k, v in model.state_dict().items()}
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def pairs_rows(weight, heads):
    """Rows of q or k from halves to pairs order, as GGUF's llama architecture keeps them."""
    out, columns = weight.shape
    return weight.reshape(heads, 2, out // heads // 2, columns).swapaxes(1, 2).reshape(out, columns)


def make_gguf(case, seed, quantisation, notes):
    """A llama in GGUF; the reference runs on the dequantised weights."""
    folder = fresh("llama", case)
    config = LlamaConfig(**{**DECODER, "hidden_size": 64, "intermediate_size": 96, "num_key_value_heads": 2,
                            "tie_word_embeddings": False, "rope_theta": 10000.0})
    model = randomise(LlamaForCausalLM(config), seed)
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for i in range(config.num_hidden_layers):
        layer = f"model.layers.{i}."
        for ours, theirs in (("input_layernorm", "attn_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                             ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
                             ("post_attention_layernorm", "ffn_norm"), ("mlp.gate_proj", "ffn_gate"),
                             ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down")):
            names[layer + ours] = f"blk.{i}.{theirs}"
    writer = gguf.GGUFWriter(str(folder / "model.gguf"), "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    state = model.state_dict()
    for ours, theirs in names.items():
        values = state[ours + ".weight"].numpy()
        if values.ndim == 1:
            writer.add_tensor(theirs + ".weight", values.astype(np.float32))
            continue
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(theirs.split(".")[-1])
        data = gguf.quants.quantize(pairs_rows(values, heads) if heads else values, quantisation)
        writer.add_tensor(theirs + ".weight", data, raw_dtype=quantisation)
        exact = gguf.quants.dequantize(data, quantisation)
        if heads:
            exact = exact.reshape(heads, exact.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)
        state[ours + ".weight"] = torch.from_numpy(np.ascontiguousarray(exact))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model.load_state_dict(state)
    write_golden(folder, answers(model, False, True, seed), notes)
    print(f"llama/{case}: {sum(p.stat().st_size for p in folder.iterdir()) // 1024} KiB")


def main():
    torch.manual_seed(0)
    llama3_rope = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                   "original_max_position_embeddings": 32, "rope_theta": 5000.0}
    make("llama", "gqa_tied_llama3_rope",
         LlamaForCausalLM(LlamaConfig(**DECODER, num_key_value_heads=2, tie_word_embeddings=True, rope_parameters=llama3_rope)),
         1, "grouped heads, tied output, llama3 rope scaling")
    make("llama", "mha_biases", LlamaForCausalLM(LlamaConfig(**DECODER, attention_bias=True, mlp_bias=True)), 2,
         "biases on all projections, own output matrix")
    make("llama", "sharded_bf16", LlamaForCausalLM(LlamaConfig(**DECODER, num_key_value_heads=4)), 3, "bf16, several shards",
         dtype=torch.bfloat16, save=lambda m, f: m.save_pretrained(f, max_shard_size="20KB"))
    make("llama", "bin_fp16", LlamaForCausalLM(LlamaConfig(**DECODER)), 4, "fp16 zip pickle", dtype=torch.float16, save=save_pickle)
    make("llama", "yarn", LlamaForCausalLM(LlamaConfig(**DECODER, rope_parameters={
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "rope_theta": 10000.0})), 5, "yarn rope scaling")
    make_gguf("gguf_q8_0", 6, gguf.GGMLQuantizationType.Q8_0, "GGUF, Q8_0 matrices, q and k rows in pairs order")
    make_gguf("gguf_q4_0", 7, gguf.GGMLQuantizationType.Q4_0, "GGUF, Q4_0 matrices")
    make("mistral", "window", MistralForCausalLM(MistralConfig(**DECODER, num_key_value_heads=2, sliding_window=9)), 8,
         "window shorter than the text")
    make("qwen2", "biases", Qwen2ForCausalLM(Qwen2Config(**DECODER, num_key_value_heads=2)), 9, "q, k and v biases")
    make("qwen3", "head_norms", Qwen3ForCausalLM(Qwen3Config(**DECODER, num_key_value_heads=2, head_dim=12)), 10,
         "q and k norms, heads of 12")
    make("qwen3", "token_classification",
         Qwen3ForTokenClassification(Qwen3Config(**DECODER, num_key_value_heads=2, head_dim=8, num_labels=5)), 11,
         "score head, causal mask kept")
    for case, kind, seed in (("token", BertForTokenClassification, 12), ("sequence", BertForSequenceClassification, 13),
                             ("question", BertForQuestionAnswering, 14), ("masked_lm", BertForMaskedLM, 15),
                             ("pooled", BertModel, 16)):
        labels = {} if case == "question" else {"num_labels": 5}
        make("bert", case, kind(BertConfig(**ENCODER, **labels)), seed, f"{case} head", encoder=True)
    make("bert", "legacy_bin", BertForTokenClassification(BertConfig(**ENCODER, num_labels=3)), 17,
         "pickle of before PyTorch 1.6, gamma and beta", encoder=True, save=save_legacy_pickle)
    import golden_vision
    golden_vision.main()
    golden_encoders.make_all(make)


if __name__ == "__main__":
    sys.exit(main())
