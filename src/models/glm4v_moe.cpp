// GLM-4.5V and GLM-4.6V: GLM-V team 2025 (arXiv 2507.01006). The decoder of GLM-4.5 (leading dense
// layers, then a mixture of experts); pictures come from a vision tower and stand at a time, a row
// and a column (M-RoPE). T tokens, D hidden, H query heads, K key/value heads, d head size, F
// feed-forward, V vocabulary.
#include "models/config.h"
#include "models/glm_vision.h"
#include "models/heads.h"
#include "models/sigmoid_experts.h"
#include "nn/pre_norm_block.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, V, layers, dense_layers, context;
  float epsilon;
  bool tied, head_norms;
  nn::Bias attention_bias;
  nn::RopeConfig rope;
  SigmoidExpertsConfig experts;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", 8)),
        d(c.size_or("head_dim", D / H)),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        dense_layers(c.count_or("first_k_dense_replace", 1)),
        context(c.size_or("max_position_embeddings", 65536)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
        tied(c.flag_or("tie_word_embeddings", false)),
        head_norms(c.flag_or("use_qk_norm", false)),
        attention_bias(c.flag_or("attention_bias", true) ? nn::Bias::present : nn::Bias::none),
        rope(glm_rope(c, d, 0.5)),
        experts(c) {}
};

/// h += attention(norm(h)); h += mlp(norm(h)), the mlp dense or a mixture.
struct Block {
  nn::RmsNorm attention_norm;
  nn::SelfAttention attention;
  nn::RmsNorm mlp_norm;
  std::optional<nn::SwiGlu> dense;
  std::optional<SigmoidExperts> experts;

  Block(const nn::Weights& w, const Config& c, i64 layer)
      : attention_norm(nn::rms_norm(w, "input_layernorm", c.D, c.epsilon)),
        attention(
            nn::PreNormBlock::make_attention(w.at("self_attn"), {.D = c.D,
                                                                 .H = c.H,
                                                                 .K = c.K,
                                                                 .d = c.d,
                                                                 .F = c.F,
                                                                 .epsilon = c.epsilon,
                                                                 .head_norms = c.head_norms,
                                                                 .qkv_bias = c.attention_bias})),
        mlp_norm(nn::rms_norm(w, "post_attention_layernorm", c.D, c.epsilon)) {
    if (layer < c.dense_layers) {
      dense.emplace(w.at("mlp"), c.D, c.F);
    } else {
      experts.emplace(w.at("mlp"), c.D, c.experts);
    }
  }

  Tensor operator()(Context& ctx, const Tensor& h_TD, const nn::RopeAngles& angles,
                    const Batch& batch, const backend::KvPages* cache) const {
    const Tensor a_TD =
        ops::add(ctx, h_TD, attention(ctx, attention_norm(ctx, h_TD), &angles, batch, cache));
    const Tensor x_TD = mlp_norm(ctx, a_TD);
    return ops::add(ctx, a_TD, dense ? (*dense)(ctx, x_TD) : (*experts)(ctx, x_TD));
  }
};

class Glm4vMoe final : public Model {
 public:
  Glm4vMoe(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(text_config(config))),
        markers_(picture_markers(config)),
        vision_(vision_config(config), w.at("model").at("visual")),
        embed_tokens_(text(w).table("embed_tokens", c_.V, c_.D,
                                    c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(c_.rope),
        norm_(nn::rms_norm(text(w), "norm", c_.D, c_.epsilon)),
        head_(config, w, embed_tokens_, c_.tied),
        ranks_(w.ranks()) {
    check_heads(w, c_.H, c_.K);
    vision_.check_width(c_.D);
    for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(text(w).at("layers", i), c_, i);
  }

  static nn::Weights text(const nn::Weights& w) { return w.at("model").at("language_model"); }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache& cache) const override {
    Tensor h_TD = embed_prompt(ctx, batch, embed_tokens_);
    const nn::RopeAngles angles = rope_.angles(ctx, batch.positions);
    for (i64 i = 0; i < c_.layers; ++i) {
      ctx.observe(i, h_TD);
      h_TD = blocks_[static_cast<std::size_t>(i)](ctx, h_TD, angles, batch, cache.layer(i));
    }
    h_TD = norm_(ctx, h_TD);
    ctx.observe(c_.layers, h_TD);
    return head_(ctx, h_TD, batch);
  }

  Tensor image_features(Context& ctx, const Images& images) const override {
    return vision_(ctx, images);
  }

  PromptPositions prompt_positions(std::span<const i64> ids,
                                   std::span<const Grid> grids) const override {
    return mrope_positions(ids, grids, markers_);
  }

  ModelFacts facts() const override {
    return {.direction = Direction::causal,
            .generates = head_.generates(),
            .layers = c_.layers,
            .hidden = c_.D,
            .vocabulary = c_.V,
            .context = c_.context,
            .kv = {.layers = c_.layers,
                   .heads = heads_of_rank(c_.K, ranks_),
                   .key_size = c_.d,
                   .value_size = c_.d},
            .position_axes = 3,
            .images = ImageFacts{.token = markers_.image,
                                 .patch_values = vision_.patch_values(),
                                 .merge = vision_.merge()}};
  }

 private:
  Config c_;
  PictureMarkers markers_;
  GlmVision vision_;
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  DecoderHead head_;
  i64 ranks_;
  std::vector<Block> blocks_;
};

constexpr std::string_view model_types[] = {"glm4v_moe"};

}  // namespace

const Family& glm4v_moe_family() {
  static const Family family = {
      .name = "glm4v_moe",
      .model_types = model_types,
      .rules = glm_names,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Glm4vMoe>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
