#pragma once

#include <span>
#include <vector>

#include "models/config.h"
#include "models/images.h"
#include "nn/self_attention.h"

/// The vision tower of GLM-4.1V, GLM-4.5V and GLM-4.6V (GLM-V team 2025, arXiv 2507.01006, section
/// 2). P patches, D hidden, H heads, d head size, O width of the language model, m patches of a
/// side that become one token.
namespace medlar::models {

/// Where patches lie, in the order of the processor: blocks of m x m one after the other.
struct PatchPlaces {
  std::vector<i64> rows, columns;  ///< [P]
  std::vector<i64> starts = {0};   ///< first patch of each frame, then P
};

/// Of grids that check_grids accepts.
PatchPlaces patch_places(std::span<const Grid> grids, i64 merge);

/// How a learned table of side * side positions is sampled at each patch's place in its own grid:
/// bicubic (a = -3/4), taps beyond the edge take the edge, as torch's grid_sample does.
struct PositionTaps {
  Tensor index;   ///< [P, 16] i64
  Tensor weight;  ///< [P, 16]
};
PositionTaps position_taps(Pool& pool, std::span<const Grid> grids, const PatchPlaces& places,
                           i64 side);

/// Angles of the row in the first half of the pairs, of the column in the second: [P, d / 2].
nn::RopeAngles axial_angles(Pool& pool, const PatchPlaces& places, i64 head_size, double theta);

/// The parts of a configuration: the text model's (the whole, in older files), the tower's, the ids
/// that stand for pictures. Throw corrupt_file where they are missing.
const Json& text_config(const Json& config);
const Json& vision_config(const Json& config);
PictureMarkers picture_markers(const Json& config);
/// The text model's rotary parameters; `partial`: the part of a head that turns where the
/// configuration does not say.
nn::RopeConfig glm_rope(const ConfigReader& text, i64 head_size, double partial);

/// q, k and v of the tower and gate and up of the decoder are stored as one; older exports have no
/// "language_model".
inline constexpr auto huggingface = formats::Container::huggingface;
inline constexpr nn::NameRule glm_names[] = {
    {huggingface, "model.visual.blocks.*.attn.q_proj.*", "model.visual.blocks.*.attn.qkv.*",
     nn::Stored::as_is, nn::Rows::first},
    {huggingface, "model.visual.blocks.*.attn.k_proj.*", "model.visual.blocks.*.attn.qkv.*",
     nn::Stored::as_is, nn::Rows::next_to_last},
    {huggingface, "model.visual.blocks.*.attn.v_proj.*", "model.visual.blocks.*.attn.qkv.*",
     nn::Stored::as_is, nn::Rows::last},
    {huggingface, "model.visual.blocks.*.attn.q_proj.*", "visual.blocks.*.attn.qkv.*",
     nn::Stored::as_is, nn::Rows::first},
    {huggingface, "model.visual.blocks.*.attn.k_proj.*", "visual.blocks.*.attn.qkv.*",
     nn::Stored::as_is, nn::Rows::next_to_last},
    {huggingface, "model.visual.blocks.*.attn.v_proj.*", "visual.blocks.*.attn.qkv.*",
     nn::Stored::as_is, nn::Rows::last},
    {huggingface, "model.language_model.layers.*.mlp.gate_proj.*",
     "model.language_model.layers.*.mlp.gate_up_proj.*", nn::Stored::as_is, nn::Rows::first},
    {huggingface, "model.language_model.layers.*.mlp.up_proj.*",
     "model.language_model.layers.*.mlp.gate_up_proj.*", nn::Stored::as_is, nn::Rows::last},
    {huggingface, "model.language_model.layers.*.mlp.gate_proj.*",
     "model.layers.*.mlp.gate_up_proj.*", nn::Stored::as_is, nn::Rows::first},
    {huggingface, "model.language_model.layers.*.mlp.up_proj.*",
     "model.layers.*.mlp.gate_up_proj.*", nn::Stored::as_is, nn::Rows::last},
    {huggingface, "model.language_model.*", "model.*"},
    {huggingface, "model.visual.*", "visual.*"},
};

/// Pictures to rows of the language model. Immutable; forward may run on several threads.
class GlmVision {
 public:
  /// config: the "vision_config"; w: the scope of the tower.
  GlmVision(const Json& config, const nn::Weights& w);

  /// [P / m^2, O], picture after picture. Throws shape_mismatch where pixels and grids do not fit.
  Tensor operator()(ops::Context& ctx, const Images& images) const;

  i64 patch_values() const { return c_.patch_values; }
  i64 merge() const { return c_.merge; }
  /// Throws corrupt_file where the tower's rows are not as wide as the language model.
  void check_width(i64 hidden) const;

 private:
  struct Config {
    i64 D, H, F, O, layers, patch_values, merge, side;
    float epsilon;
    double theta;
    nn::Bias bias;
    explicit Config(const ConfigReader& c);
  };
  struct Block {
    nn::RmsNorm norm1;
    nn::SelfAttention attention;
    nn::RmsNorm norm2;
    nn::SwiGlu mlp;
    Block(const nn::Weights& w, const Config& c);
    static nn::SelfAttention make_attention(const nn::Weights& w, const Config& c);
  };
  Tensor merged(ops::Context& ctx, const Tensor& x_PD) const;

  Config c_;
  nn::Linear patch_embed_;
  nn::RmsNorm post_conv_norm_;
  ops::Weight positions_;
  std::vector<Block> blocks_;
  nn::RmsNorm post_norm_;
  nn::Linear downsample_, merger_proj_;
  nn::LayerNorm merger_norm_;
  nn::SwiGlu merger_;
};

}  // namespace medlar::models
