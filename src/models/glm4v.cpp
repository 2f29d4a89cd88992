// GLM-4.1V: GLM-V team 2025 (arXiv 2507.01006). Norms before and after each half of a layer;
// pictures come from a vision tower and stand at a time, a row and a column (M-RoPE). T tokens, D
// hidden, H query heads, K key/value heads, d head size, F feed-forward, V vocabulary.
#include <cmath>

#include "base/error.h"
#include "models/config.h"
#include "models/glm_vision.h"
#include "models/heads.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, V, layers, context;
  float epsilon;
  bool tied;
  nn::RopeConfig rope;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", 2)),
        d(D / H),  // head_dim counts for the rotary part alone
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 32768)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
        tied(c.flag_or("tie_word_embeddings", false)),
        rope(glm_rope(c, c.size_or("head_dim", d), 1.0)) {
    rope.layout = ops::RopeLayout::pairs;
    const std::string activation = c.text_or("hidden_act", "silu");
    if (activation != "silu") fail(ErrorCode::unsupported, "glm4v with '{}'", activation);
  }
};

/// h += post(attention(norm(h))); h += post(mlp(norm(h))).
struct Block {
  nn::RmsNorm input_norm;
  nn::SelfAttention attention;
  nn::RmsNorm post_attention_norm, mlp_norm;
  nn::SwiGlu mlp;
  nn::RmsNorm post_mlp_norm;

  Block(const nn::Weights& w, const Config& c)
      : input_norm(nn::rms_norm(w, "input_layernorm", c.D, c.epsilon)),
        attention(make_attention(w.at("self_attn"), c)),
        post_attention_norm(nn::rms_norm(w, "post_self_attn_layernorm", c.D, c.epsilon)),
        mlp_norm(nn::rms_norm(w, "post_attention_layernorm", c.D, c.epsilon)),
        mlp(w.at("mlp"), c.D, c.F),
        post_mlp_norm(nn::rms_norm(w, "post_mlp_layernorm", c.D, c.epsilon)) {}

  static nn::SelfAttention make_attention(const nn::Weights& w, const Config& c) {
    const auto qkv = [&](std::string_view name, i64 heads) {
      return w.with_heads(heads).linear(name, heads * c.d, c.D, nn::Split::heads,
                                        nn::Bias::present);
    };
    return {.q_proj = qkv("q_proj", c.H),
            .k_proj = qkv("k_proj", c.K),
            .v_proj = qkv("v_proj", c.K),
            .o_proj = w.linear("o_proj", c.D, c.H * c.d, nn::Split::in),
            .q_norm = std::nullopt,
            .k_norm = std::nullopt,
            .head_size = c.d,
            .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(c.d))}};
  }

  Tensor operator()(Context& ctx, const Tensor& h_TD, const nn::RopeAngles& angles,
                    const Batch& batch, const backend::KvPages* cache) const {
    const Tensor a_TD = attention(ctx, input_norm(ctx, h_TD), &angles, batch, cache);
    const Tensor x_TD = ops::add(ctx, h_TD, post_attention_norm(ctx, a_TD));
    return ops::add(ctx, x_TD, post_mlp_norm(ctx, mlp(ctx, mlp_norm(ctx, x_TD))));
  }
};

class Glm4v final : public Model {
 public:
  Glm4v(const Json& config, const nn::Weights& w)
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
    for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(text(w).at("layers", i), c_);
  }

  static nn::Weights text(const nn::Weights& w) { return w.at("model").at("language_model"); }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache& cache) const override {
    Tensor h_TD = embed_prompt(ctx, batch, embed_tokens_);
    const nn::RopeAngles angles = rope_.angles(ctx, batch.positions);
    h_TD = run_blocks(ctx, h_TD, blocks_, angles, batch, cache);
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
    ModelFacts facts = decoder_facts(c_, head_, ranks_);
    facts.position_axes = 3;
    facts.images = ImageFacts{
        .token = markers_.image, .patch_values = vision_.patch_values(), .merge = vision_.merge()};
    return facts;
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

constexpr std::string_view model_types[] = {"glm4v"};

}  // namespace

const Family& glm4v_family() {
  static const Family family = {
      .name = "glm4v",
      .model_types = model_types,
      .rules = glm_names,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Glm4v>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
