// BERT: Devlin et al. 2019 (arXiv 1810.04805).
// T tokens, D hidden, H heads, F feed-forward, V vocabulary.
#include "models/bert_heads.h"
#include "models/bert_layers.h"

namespace medlar::models {
namespace {

class Bert final : public Model {
 public:
  Bert(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embeddings_(w.at("bert").at("embeddings"), c_),
        encoder_(w.at("bert").at("encoder"), c_),
        head_(config, w, bert_heads(), embeddings_.words, {.hidden = c_.D, .epsilon = c_.epsilon}) {
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    const Tensor x_TD = embeddings_(ctx, batch, batch.positions);
    return head_(ctx, encoder_(ctx, x_TD, batch), batch);
  }

  ModelFacts facts() const override { return encoder_facts(c_, c_.context); }

 private:
  BertConfig c_;
  BertEmbeddings embeddings_;
  BertEncoder encoder_;
  EncoderHead head_;
};

// Bare models drop the "bert." prefix, uploads before 2020 say gamma and beta, OpenMed's MLX files
// have names of their own, TensorFlow kernels are [in, out] except the NER head and the sentence
// order head, which were never kernels.
using formats::Container;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*LayerNorm.weight", "*LayerNorm.gamma"},
    {Container::huggingface, "*LayerNorm.bias", "*LayerNorm.beta"},
    {Container::huggingface, "bert.*", "*"},
    {Container::huggingface, "bert.embeddings.LayerNorm.*", "embeddings.norm.*"},
    {Container::huggingface, "bert.encoder.layer.*.attention.self.*.*",
     "encoder.layers.*.attention.*_proj.*"},
    {Container::huggingface, "bert.encoder.layer.*.attention.output.dense.*",
     "encoder.layers.*.attention.out_proj.*"},
    {Container::huggingface, "bert.encoder.layer.*.attention.output.LayerNorm.*",
     "encoder.layers.*.ln1.*"},
    {Container::huggingface, "bert.encoder.layer.*.intermediate.dense.*",
     "encoder.layers.*.linear1.*"},
    {Container::huggingface, "bert.encoder.layer.*.output.dense.*", "encoder.layers.*.linear2.*"},
    {Container::huggingface, "bert.encoder.layer.*.output.LayerNorm.*", "encoder.layers.*.ln2.*"},
    {Container::tensorflow, "bert.embeddings.*_embeddings.weight", "bert/embeddings/*_embeddings"},
    {Container::tensorflow, "bert.encoder.layer.*.LayerNorm.weight",
     "bert/encoder/layer_*/LayerNorm/gamma"},
    {Container::tensorflow, "bert.encoder.layer.*.LayerNorm.bias",
     "bert/encoder/layer_*/LayerNorm/beta"},
    {Container::tensorflow, "bert.encoder.layer.*.weight", "bert/encoder/layer_*/kernel",
     Stored::transposed},
    {Container::tensorflow, "bert.encoder.layer.*.bias", "bert/encoder/layer_*/bias"},
    {Container::tensorflow, "*.LayerNorm.weight", "*/LayerNorm/gamma"},
    {Container::tensorflow, "*.LayerNorm.bias", "*/LayerNorm/beta"},
    {Container::tensorflow, "*.weight", "*/kernel", Stored::transposed},
    {Container::tensorflow, "*.bias", "*/bias"},
    {Container::tensorflow, "cls.predictions.bias", "cls/predictions/output_bias"},
    {Container::tensorflow, "cls.seq_relationship.weight", "cls/seq_relationship/output_weights"},
    {Container::tensorflow, "cls.seq_relationship.bias", "cls/seq_relationship/output_bias"},
    {Container::tensorflow, "classifier.weight", "output_weights"},
    {Container::tensorflow, "classifier.bias", "output_bias"},
    {Container::gguf, "bert.embeddings.word_embeddings.*", "token_embd.*"},
    {Container::gguf, "bert.embeddings.position_embeddings.*", "position_embd.*"},
    {Container::gguf, "bert.embeddings.token_type_embeddings.*", "token_types.*"},
    {Container::gguf, "bert.embeddings.LayerNorm.*", "token_embd_norm.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.self.query.*", "blk.*.attn_q.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.self.key.*", "blk.*.attn_k.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.self.value.*", "blk.*.attn_v.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.output.dense.*", "blk.*.attn_output.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.output.LayerNorm.*",
     "blk.*.attn_output_norm.*"},
    {Container::gguf, "bert.encoder.layer.*.intermediate.dense.*", "blk.*.ffn_up.*"},
    {Container::gguf, "bert.encoder.layer.*.output.dense.*", "blk.*.ffn_down.*"},
    {Container::gguf, "bert.encoder.layer.*.output.LayerNorm.*", "blk.*.layer_output_norm.*"},
};

/// bert_config.json of the first releases names no type, and no architecture either.
Json from_first_releases(const Json& config) {
  if (!config.contains("type_vocab_size") || config.contains("architectures")) return nullptr;
  Json result = config;
  result["model_type"] = "bert";
  return result;
}

constexpr std::string_view model_types[] = {"bert"};

}  // namespace

const Family& bert_family() {
  static const Family family = {
      .name = "bert",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Bert>(config, w);
      },
      .adopt = from_first_releases};
  return family;
}

}  // namespace medlar::models
