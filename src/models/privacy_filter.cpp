// OpenAI Privacy Filter: gpt-oss's layers (arXiv 2508.10925) looking to both sides of a band, with
// a token classifier on top. T tokens, D hidden, H query heads, K key/value heads, d head size, F
// feed-forward of an expert, E experts, V vocabulary.
#include "models/config.h"
#include "models/encoder_head.h"
#include "models/heads.h"
#include "models/sink_block.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, E, V, layers, context, window, chosen;
  float epsilon;
  nn::RopeConfig rope;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", 2)),
        d(c.size_or("head_dim", 64)),
        F(c.size("intermediate_size")),
        E(c.size_or("num_local_experts", 128)),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 131072)),
        window(c.size_or("sliding_window", 128)),
        chosen(c.size_or("num_experts_per_tok", 4)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
        rope(rope_config(c, d)) {
    rope.layout = ops::RopeLayout::pairs;
  }
};

constexpr HeadOutput heads[] = {
    {.architecture = "ForTokenClassification",
     .final = Final::labels,
     .matrix = "score",
     .biases = nn::Bias::optional},
    {.architecture = "Model", .name = "last_hidden_state"},
};

class PrivacyFilter final : public Model {
 public:
  PrivacyFilter(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D)),
        rope_(c_.rope),
        norm_(nn::rms_norm(w.at("model"), "norm", c_.D, c_.epsilon)),
        head_(config, w, heads, embed_tokens_, {.hidden = c_.D, .epsilon = c_.epsilon}) {
    check_heads(w, c_.H, c_.K);
    for (i64 i = 0; i < c_.layers; ++i)
      blocks_.emplace_back(w.at("model").at("layers", i),
                           SinkBlockSizes{.D = c_.D,
                                          .H = c_.H,
                                          .K = c_.K,
                                          .d = c_.d,
                                          .F = c_.F,
                                          .E = c_.E,
                                          .epsilon = c_.epsilon,
                                          .mask = ops::Mask::bidirectional,
                                          .window = c_.window,
                                          .chosen = c_.chosen});
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
  std::vector<SinkBlock> blocks_;
};

// Gate and up stand one after the other in the columns of [E, D, 2F].
using formats::Container;
using nn::Rows;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*.experts.gate_proj.weight", "*.experts.gate_up_proj",
     Stored::transposed, Rows::first},
    {Container::huggingface, "*.experts.up_proj.weight", "*.experts.gate_up_proj",
     Stored::transposed, Rows::last},
    {Container::huggingface, "*.experts.down_proj.weight", "*.experts.down_proj",
     Stored::transposed},
    {Container::huggingface, "*.experts.gate_proj.bias", "*.experts.gate_up_proj_bias",
     Stored::as_is, Rows::first},
    {Container::huggingface, "*.experts.up_proj.bias", "*.experts.gate_up_proj_bias", Stored::as_is,
     Rows::last},
    {Container::huggingface, "*.experts.down_proj.bias", "*.experts.down_proj_bias"},
};

constexpr std::string_view model_types[] = {"openai_privacy_filter"};

}  // namespace

const Family& privacy_filter_family() {
  static const Family family = {
      .name = "privacy_filter",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<PrivacyFilter>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
