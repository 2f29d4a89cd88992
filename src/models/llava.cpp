// LLaVA 1.5 and LLaVA-Med 1.5: Liu et al. 2023 (arXiv 2310.03744), Li et al. 2023 (arXiv
// 2306.00890). A CLIP vision transformer (Radford et al. 2021, arXiv 2103.00020) without its last
// block, two linear layers, a Mistral or Llama decoder. T tokens, D hidden, H query heads, K
// key/value heads, d head size, F feed-forward, V vocabulary.
#include "base/error.h"
#include "models/clip_vision.h"
#include "models/config.h"
#include "models/heads.h"
#include "nn/pre_norm_block.h"

namespace medlar::models {
namespace {

const Json& part_or(const Json& config, const char* key, const Json& otherwise) {
  const auto part = config.find(key);
  return part != config.end() && part->is_object() ? *part : otherwise;
}

/// The original release says what it takes of the tower under names of its own.
void refuse_other_forms(const ConfigReader& c) {
  const auto only = [&](const char* key, std::string_view value) {
    const std::string stated = c.text_or(key, value);
    if (stated != value)
      fail(ErrorCode::unsupported, "llava with {} '{}' ('{}' is supported)", key, stated, value);
  };
  only("vision_feature_select_strategy", "default");
  only("mm_vision_select_feature", "patch");
  only("mm_projector_type", "mlp2x_gelu");
  only("projector_hidden_act", "gelu");
}

/// Which of the tower's states is taken: 0 before the first block, -1 after the last.
i64 feature_layer(const Json& config) {
  const ConfigReader c(config);
  return static_cast<i64>(
      c.number_or("vision_feature_layer", c.number_or("mm_vision_select_layer", -2.0)));
}

struct Config {
  i64 D, H, K, d, F, V, layers, context, window;
  float epsilon;
  bool tied;
  nn::RopeConfig rope;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", c.text_or("model_type", "") == "llama" ? H : 8)),
        d(c.size_or("head_dim", D / H)),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 32768)),
        window(c.size_or("sliding_window", 0)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-6))),
        tied(c.flag_or("tie_word_embeddings", false)),
        rope(rope_config(c, d)) {}
};

class Llava final : public Model {
 public:
  Llava(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(part_or(config, "text_config", config))),
        tower_(part_or(config, "vision_config", Json::object()), feature_layer(config),
               w.at("vision_tower")),
        linear_1_(projector(w).linear("linear_1", c_.D, tower_.width(), nn::Split::out,
                                      nn::Bias::present)),
        linear_2_(projector(w).linear("linear_2", c_.D, c_.D, nn::Split::in, nn::Bias::present)),
        embed_tokens_(decoder(w).table("embed_tokens", c_.V, c_.D,
                                       c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(c_.rope),
        norm_(nn::rms_norm(decoder(w), "norm", c_.D, c_.epsilon)),
        head_(config, w.at("language_model"), embed_tokens_, c_.tied),
        ranks_(w.ranks()) {
    const ConfigReader reader(config);
    refuse_other_forms(reader);
    check_heads(w, c_.H, c_.K);
    for (const char* key : {"image_token_id", "image_token_index", "image_token_in_golden"}) {
      if (!image_token_ && reader.has(key)) image_token_ = reader.size(key);
    }
    const nn::PreNormSizes sizes = {.D = c_.D,
                                    .H = c_.H,
                                    .K = c_.K,
                                    .d = c_.d,
                                    .F = c_.F,
                                    .epsilon = c_.epsilon,
                                    .window = c_.window};
    for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(decoder(w).at("layers", i), sizes);
  }

  static nn::Weights decoder(const nn::Weights& w) { return w.at("language_model").at("model"); }
  static nn::Weights projector(const nn::Weights& w) { return w.at("multi_modal_projector"); }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache& cache) const override {
    Tensor h_TD = embed_prompt(ctx, batch, embed_tokens_);
    const nn::RopeAngles angles = rope_.angles(ctx, batch.positions);
    h_TD = run_blocks(ctx, h_TD, blocks_, angles, batch, cache);
    h_TD = norm_(ctx, h_TD);
    ctx.observe(c_.layers, h_TD);
    return head_(ctx, h_TD, batch);
  }

  Tensor image_features(Context& ctx, const Images& images) const override {
    return linear_2_(ctx, ops::gelu(ctx, linear_1_(ctx, tower_(ctx, images))));
  }

  ModelFacts facts() const override {
    ModelFacts facts = decoder_facts(c_, head_, ranks_);
    facts.images = ImageFacts{.token = image_token_, .patch_values = tower_.patch_values()};
    return facts;
  }

 private:
  Config c_;
  ClipVision tower_;
  nn::Linear linear_1_, linear_2_;
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  DecoderHead head_;
  i64 ranks_;
  std::optional<i64> image_token_;
  std::vector<nn::PreNormBlock> blocks_;
};

// Conversions of several ages, then the original release. Stock weights of the tower come first.
using formats::Container;
constexpr std::string_view stock_vision = "vision_tower.vision_model.";
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "vision_tower.*", "vision_tower.vision_model.*"},
    {Container::huggingface, "vision_tower.*", "model.vision_tower.vision_model.*"},
    {Container::huggingface, "vision_tower.*", "model.vision_tower.vision_tower.vision_model.*"},
    {Container::huggingface, "vision_tower.*", "model.vision_tower.*"},
    {Container::huggingface, "multi_modal_projector.*", "model.multi_modal_projector.*"},
    {Container::huggingface, "multi_modal_projector.linear_1.*", "model.mm_projector.0.*"},
    {Container::huggingface, "multi_modal_projector.linear_2.*", "model.mm_projector.2.*"},
    {Container::huggingface, "language_model.model.*", "model.language_model.*"},
    {Container::huggingface, "language_model.model.*", "model.*"},
    {Container::huggingface, "language_model.lm_head.*", "lm_head.*"},
};

constexpr std::string_view model_types[] = {"llava", "llava_mistral"};

}  // namespace

const Family& llava_family() {
  static const Family family = {
      .name = "llava",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Llava>(config, w);
      },
      .stock_vision = stock_vision};
  return family;
}

}  // namespace medlar::models
