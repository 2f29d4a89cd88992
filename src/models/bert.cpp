// BERT: Devlin et al. 2019 (arXiv 1810.04805).
// T tokens, D hidden, H heads, F feed-forward, V vocabulary.
#include <cmath>

#include "base/error.h"
#include "models/config.h"
#include "models/encoder_head.h"
#include "models/heads.h"
#include "nn/self_attention.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, F, V, layers, context, types;
  float epsilon;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 512)),
        types(c.size_or("type_vocab_size", 2)),
        epsilon(static_cast<float>(c.number_or("layer_norm_eps", 1e-12))) {
    const std::string activation = c.text_or("hidden_act", "gelu");
    if (D % H != 0) fail(ErrorCode::corrupt_file, "config: hidden_size {} over {} heads", D, H);
    if (activation != "gelu") fail(ErrorCode::unsupported, "bert with activation '{}'", activation);
    const std::string positions = c.text_or("position_embedding_type", "absolute");
    if (positions != "absolute")
      fail(ErrorCode::unsupported, "bert with '{}' positions", positions);
  }
};

/// x = norm(x + attention(x)); x = norm(x + output(gelu(intermediate(x)))).
struct Block {
  nn::SelfAttention attention;
  nn::LayerNorm attention_norm;
  nn::Linear intermediate, output;
  nn::LayerNorm output_norm;

  Block(const nn::Weights& w, const Config& c)
      : attention(make_attention(w.at("attention"), c)),
        attention_norm(nn::layer_norm(w.at("attention").at("output"), "LayerNorm", c.D, c.epsilon)),
        intermediate(
            w.at("intermediate").linear("dense", c.F, c.D, nn::Split::out, nn::Bias::present)),
        output(w.at("output").linear("dense", c.D, c.F, nn::Split::in, nn::Bias::present)),
        output_norm(nn::layer_norm(w.at("output"), "LayerNorm", c.D, c.epsilon)) {}

  static nn::SelfAttention make_attention(const nn::Weights& w, const Config& c) {
    const i64 head_size = c.D / c.H;
    const nn::Weights self = w.at("self");
    return {.q_proj = self.linear("query", c.D, c.D, nn::Split::out, nn::Bias::present),
            .k_proj = self.linear("key", c.D, c.D, nn::Split::out, nn::Bias::present),
            .v_proj = self.linear("value", c.D, c.D, nn::Split::out, nn::Bias::present),
            .o_proj = w.at("output").linear("dense", c.D, c.D, nn::Split::in, nn::Bias::present),
            .q_norm = std::nullopt,
            .k_norm = std::nullopt,
            .head_size = head_size,
            .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
                     .mask = ops::Mask::bidirectional}};
  }

  Tensor operator()(Context& ctx, const Tensor& x_TD, const Batch& batch) const {
    const Tensor a_TD =
        attention_norm(ctx, ops::add(ctx, x_TD, attention(ctx, x_TD, nullptr, batch, nullptr)));
    const Tensor f_TD = output(ctx, ops::gelu(ctx, intermediate(ctx, a_TD)));
    return output_norm(ctx, ops::add(ctx, a_TD, f_TD));
  }
};

class Bert final : public Model {
 public:
  Bert(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        words_(w.at("bert").at("embeddings").table("word_embeddings", c_.V, c_.D)),
        positions_(w.at("bert").at("embeddings").table("position_embeddings", c_.context, c_.D)),
        types_(w.at("bert").at("embeddings").table("token_type_embeddings", c_.types, c_.D)),
        norm_(nn::layer_norm(w.at("bert").at("embeddings"), "LayerNorm", c_.D, c_.epsilon)),
        head_(config, w, w.at("bert"), words_,
              {.hidden = c_.D, .vocabulary = c_.V, .epsilon = c_.epsilon}) {
    check_ranks(w, "heads", c_.H);
    for (i64 i = 0; i < c_.layers; ++i)
      blocks_.emplace_back(w.at("bert").at("encoder").at("layer", i), c_);
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    const Tensor types = batch.token_types ? *batch.token_types
                                           : Tensor::zeros(ctx.pool, batch.ids.shape(), DType::i64);
    Tensor x_TD = ops::add(ctx, ops::embed(ctx, batch.ids, words_), ops::embed(ctx, types, types_));
    x_TD = norm_(ctx, ops::add(ctx, x_TD, ops::embed(ctx, batch.positions, positions_)));
    for (i64 i = 0; i < c_.layers; ++i) {
      ctx.observe(i, x_TD);
      x_TD = blocks_[static_cast<std::size_t>(i)](ctx, x_TD, batch);
    }
    ctx.observe(c_.layers, x_TD);
    return head_(ctx, x_TD, batch);
  }

  ModelFacts facts() const override {
    return {.direction = Direction::bidirectional,
            .generates = false,
            .layers = c_.layers,
            .hidden = c_.D,
            .vocabulary = c_.V,
            .context = c_.context,
            .kv = {}};
  }

 private:
  Config c_;
  ops::Weight words_, positions_, types_;
  nn::LayerNorm norm_;
  EncoderHead head_;
  std::vector<Block> blocks_;
};

// Bare models drop the "bert." prefix, uploads before 2020 say gamma and beta, TensorFlow kernels
// are [in, out] except the NER head, which was never a kernel.
using formats::Container;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*LayerNorm.weight", "*LayerNorm.gamma"},
    {Container::huggingface, "*LayerNorm.bias", "*LayerNorm.beta"},
    {Container::huggingface, "bert.*", "*"},
    {Container::tensorflow, "bert.embeddings.*_embeddings.weight", "bert/embeddings/*_embeddings"},
    {Container::tensorflow, "bert.embeddings.LayerNorm.weight", "bert/embeddings/LayerNorm/gamma"},
    {Container::tensorflow, "bert.embeddings.LayerNorm.bias", "bert/embeddings/LayerNorm/beta"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.self.*.weight",
     "bert/encoder/layer_*/attention/self/*/kernel", Stored::transposed},
    {Container::tensorflow, "bert.encoder.layer.*.attention.self.*.bias",
     "bert/encoder/layer_*/attention/self/*/bias"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.dense.weight",
     "bert/encoder/layer_*/attention/output/dense/kernel", Stored::transposed},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.dense.bias",
     "bert/encoder/layer_*/attention/output/dense/bias"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.LayerNorm.weight",
     "bert/encoder/layer_*/attention/output/LayerNorm/gamma"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.LayerNorm.bias",
     "bert/encoder/layer_*/attention/output/LayerNorm/beta"},
    {Container::tensorflow, "bert.encoder.layer.*.*.dense.weight",
     "bert/encoder/layer_*/*/dense/kernel", Stored::transposed},
    {Container::tensorflow, "bert.encoder.layer.*.*.dense.bias",
     "bert/encoder/layer_*/*/dense/bias"},
    {Container::tensorflow, "bert.encoder.layer.*.output.LayerNorm.weight",
     "bert/encoder/layer_*/output/LayerNorm/gamma"},
    {Container::tensorflow, "bert.encoder.layer.*.output.LayerNorm.bias",
     "bert/encoder/layer_*/output/LayerNorm/beta"},
    {Container::tensorflow, "bert.pooler.dense.weight", "bert/pooler/dense/kernel",
     Stored::transposed},
    {Container::tensorflow, "bert.pooler.dense.bias", "bert/pooler/dense/bias"},
    {Container::tensorflow, "cls.predictions.transform.dense.weight",
     "cls/predictions/transform/dense/kernel", Stored::transposed},
    {Container::tensorflow, "cls.predictions.transform.dense.bias",
     "cls/predictions/transform/dense/bias"},
    {Container::tensorflow, "cls.predictions.transform.LayerNorm.weight",
     "cls/predictions/transform/LayerNorm/gamma"},
    {Container::tensorflow, "cls.predictions.transform.LayerNorm.bias",
     "cls/predictions/transform/LayerNorm/beta"},
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

constexpr std::string_view model_types[] = {"bert"};

}  // namespace

const Family& bert_family() {
  static const Family family = {
      .name = "bert",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Bert>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
