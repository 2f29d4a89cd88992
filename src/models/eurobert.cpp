// EuroBERT: Boizard et al. 2025 (arXiv 2503.05500). The Llama line's layer with attention to both
// sides.
// T tokens, D hidden, H query heads, K key/value heads, d head size, F feed-forward, V vocabulary.
#include "base/error.h"
#include "models/config.h"
#include "models/encoder_head.h"
#include "models/heads.h"
#include "nn/pre_norm_block.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, V, layers, context;
  float epsilon;
  nn::Bias attention_bias, mlp_bias;
  nn::RopeConfig rope;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", H)),
        d(c.size_or("head_dim", D / H)),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 8192)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
        attention_bias(c.flag_or("attention_bias", false) ? nn::Bias::present : nn::Bias::none),
        mlp_bias(c.flag_or("mlp_bias", false) ? nn::Bias::present : nn::Bias::none),
        rope(rope_config(c, d)) {
    if (const std::string activation = c.text_or("hidden_act", "silu"); activation != "silu")
      fail(ErrorCode::unsupported, "eurobert with activation '{}'", activation);
  }
};

/// The published files call the pooling "clf_pooling", newer ones "classifier_pooling".
Pooling classifier_pooling(const Json& config) {
  const ConfigReader c(config);
  const std::string name = c.text_or("classifier_pooling", c.text_or("clf_pooling", "late"));
  if (name == "bos") return Pooling::first;
  if (name == "mean") return Pooling::mean;
  if (name == "late") return Pooling::mean_of_rows;
  fail(ErrorCode::unsupported, "eurobert with classifier_pooling '{}'", name);
}

std::vector<HeadOutput> heads(const Json& config) {
  return {
      {.architecture = "ForTokenClassification", .final = Final::labels, .matrix = "classifier"},
      {.architecture = "ForSequenceClassification",
       .pooling = classifier_pooling(config),
       .dense = "dense",
       .activation = ops::gelu,
       .final = Final::labels,
       .matrix = "classifier"},
      {.architecture = "ForMaskedLM",
       .final = Final::vocabulary,
       .matrix = "lm_head",
       .tied = false,
       .biases = nn::Bias::optional},
      {.architecture = "Model", .name = "last_hidden_state"}};
}

class EuroBert final : public Model {
 public:
  EuroBert(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D)),
        rope_(c_.rope),
        norm_(nn::rms_norm(w.at("model"), "norm", c_.D, c_.epsilon)),
        head_(config, w, heads(config), embed_tokens_, {.hidden = c_.D, .epsilon = c_.epsilon}) {
    check_heads(w, c_.H, c_.K);
    for (i64 i = 0; i < c_.layers; ++i)
      blocks_.emplace_back(w.at("model").at("layers", i),
                           nn::PreNormSizes{.D = c_.D,
                                            .H = c_.H,
                                            .K = c_.K,
                                            .d = c_.d,
                                            .F = c_.F,
                                            .epsilon = c_.epsilon,
                                            .mask = ops::Mask::bidirectional,
                                            .qkv_bias = c_.attention_bias,
                                            .o_bias = c_.attention_bias,
                                            .mlp_bias = c_.mlp_bias});
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    Tensor h_TD = ops::embed(ctx, batch.ids, embed_tokens_);
    const nn::RopeAngles angles = rope_.angles(ctx, batch.positions);
    h_TD = run_blocks(ctx, h_TD, blocks_, angles, batch, KvCache());
    h_TD = norm_(ctx, h_TD);
    ctx.observe(c_.layers, h_TD);
    return head_(ctx, h_TD, batch);
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
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  EncoderHead head_;
  std::vector<nn::PreNormBlock> blocks_;
};

// Bare models drop the "model." prefix.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "model.*", "*"},
};

constexpr std::string_view model_types[] = {"eurobert"};

}  // namespace

const Family& eurobert_family() {
  static const Family family = {
      .name = "eurobert",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<EuroBert>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
