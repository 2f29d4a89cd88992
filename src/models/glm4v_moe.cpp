// GLM-4.5V and GLM-4.6V: GLM-V team 2025 (arXiv 2507.01006). The decoder of GLM-4.5 (leading dense
// layers, then a mixture of experts); pictures come from a vision tower and stand at a time, a row
// and a column (M-RoPE). T tokens, D hidden, H query heads, K key/value heads, d head size, F
// feed-forward, V vocabulary.
#include "models/glm_moe_block.h"
#include "models/glm_vision.h"
#include "models/heads.h"

namespace medlar::models {
namespace {

i64 text_head_size(const Json& config) {
  const ConfigReader c(text_config(config));
  return c.size("hidden_size") / c.size("num_attention_heads");
}

class Glm4vMoe final : public Model {
 public:
  Glm4vMoe(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(text_config(config)),
           {.head_size = text_head_size(config), .context = 65536, .attention_bias = true}),
        markers_(picture_markers(config)),
        vision_(vision_config(config), w.at("model").at("visual")),
        embed_tokens_(text(w).table("embed_tokens", c_.V, c_.D,
                                    c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(glm_rope(ConfigReader(text_config(config)), c_.d, 0.5)),
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
  GlmMoeConfig c_;
  PictureMarkers markers_;
  GlmVision vision_;
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  DecoderHead head_;
  i64 ranks_;
  std::vector<GlmMoeBlock> blocks_;
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
