// Megatron-BERT: Shoeybi et al. 2019 (arXiv 1909.08053), section 5.4; GatorTron: Yang et al. 2022
// (arXiv 2203.03540). BERT with the norms before attention and feed-forward, none on the
// embeddings, and one behind the last layer.
// T tokens, D hidden, H heads, F feed-forward, V vocabulary.
#include "models/bert_heads.h"
#include "models/bert_layers.h"

namespace medlar::models {
namespace {

/// x += attention(norm(x)); x += mlp(norm(x)).
struct Block {
  nn::LayerNorm attention_norm;
  nn::SelfAttention attention;
  nn::LayerNorm mlp_norm;
  BertMlp mlp;

  Block(const nn::Weights& w, const BertConfig& c)
      : attention_norm(nn::layer_norm(w.at("attention"), "ln", c.D, c.epsilon)),
        attention(bert_attention(w.with_heads(c.H), c)),
        mlp_norm(nn::layer_norm(w, "ln", c.D, c.epsilon)),
        mlp(w, c) {}

  Tensor operator()(Context& ctx, const Tensor& x_TD, const Batch& batch) const {
    const Tensor n_TD = attention_norm(ctx, x_TD);
    const Tensor a_TD = ops::add(ctx, x_TD, attention(ctx, n_TD, nullptr, batch, nullptr));
    return ops::add(ctx, a_TD, mlp(ctx, mlp_norm(ctx, a_TD)));
  }
};

class MegatronBert final : public Model {
 public:
  MegatronBert(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        words_(w.at("bert").at("embeddings").table("word_embeddings", c_.V, c_.D)),
        positions_(w.at("bert").at("embeddings").table("position_embeddings", c_.context, c_.D)),
        types_(w.at("bert").at("embeddings").table("token_type_embeddings", c_.types, c_.D)),
        norm_(nn::layer_norm(w.at("bert").at("encoder"), "ln", c_.D, c_.epsilon)),
        head_(config, w, bert_heads(), words_, {.hidden = c_.D, .epsilon = c_.epsilon}) {
    for (i64 i = 0; i < c_.layers; ++i)
      blocks_.emplace_back(w.at("bert").at("encoder").at("layer", i), c_);
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    Tensor x_TD = ops::embed(ctx, batch.ids, words_);
    x_TD = ops::add(ctx, x_TD, ops::embed(ctx, batch.positions, positions_));
    x_TD = ops::add(ctx, x_TD, ops::embed(ctx, token_types(ctx, batch), types_));
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      ctx.observe(static_cast<i64>(i), x_TD);
      x_TD = blocks_[i](ctx, x_TD, batch);
    }
    x_TD = norm_(ctx, x_TD);
    ctx.observe(c_.layers, x_TD);
    return head_(ctx, x_TD, batch);
  }

  ModelFacts facts() const override { return encoder_facts(c_, c_.context); }

 private:
  BertConfig c_;
  ops::Weight words_, positions_, types_;
  nn::LayerNorm norm_;
  EncoderHead head_;
  std::vector<Block> blocks_;
};

// Bare models drop the "bert." prefix. NVIDIA's own files have query, key and value in one matrix.
using formats::Container;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "bert.*", "*"},
    {Container::huggingface, "bert.embeddings.token_type_embeddings.*",
     "model.language_model.embedding.tokentype_embeddings.*"},
    {Container::huggingface, "bert.embeddings.*", "model.language_model.embedding.*"},
    {Container::huggingface, "bert.encoder.layer.*.attention.ln.*",
     "model.language_model.transformer.layers.*.input_layernorm.*"},
    {Container::huggingface, "bert.encoder.layer.*.attention.self.query.*",
     "model.language_model.transformer.layers.*.attention.query_key_value.*", Stored::as_is,
     nn::Rows::megatron_q},
    {Container::huggingface, "bert.encoder.layer.*.attention.self.key.*",
     "model.language_model.transformer.layers.*.attention.query_key_value.*", Stored::as_is,
     nn::Rows::megatron_k},
    {Container::huggingface, "bert.encoder.layer.*.attention.self.value.*",
     "model.language_model.transformer.layers.*.attention.query_key_value.*", Stored::as_is,
     nn::Rows::megatron_v},
    {Container::huggingface, "bert.encoder.layer.*.attention.output.dense.*",
     "model.language_model.transformer.layers.*.attention.dense.*"},
    {Container::huggingface, "bert.encoder.layer.*.ln.*",
     "model.language_model.transformer.layers.*.post_attention_layernorm.*"},
    {Container::huggingface, "bert.encoder.layer.*.intermediate.dense.*",
     "model.language_model.transformer.layers.*.mlp.dense_h_to_4h.*"},
    {Container::huggingface, "bert.encoder.layer.*.output.dense.*",
     "model.language_model.transformer.layers.*.mlp.dense_4h_to_h.*"},
    {Container::huggingface, "bert.encoder.ln.*",
     "model.language_model.transformer.final_layernorm.*"},
    {Container::huggingface, "bert.pooler.*", "model.language_model.pooler.*"},
    {Container::huggingface, "cls.predictions.transform.dense.*", "model.lm_head.dense.*"},
    {Container::huggingface, "cls.predictions.transform.LayerNorm.*", "model.lm_head.layernorm.*"},
    {Container::huggingface, "cls.predictions.bias", "model.lm_head.bias"},
    {Container::huggingface, "cls.seq_relationship.*", "model.binary_head.*"},
};

constexpr std::string_view model_types[] = {"megatron-bert"};

}  // namespace

const Family& megatron_bert_family() {
  static const Family family = {
      .name = "megatron_bert",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<MegatronBert>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
