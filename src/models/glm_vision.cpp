#include "models/glm_vision.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace medlar::models {
namespace {

/// Weights of the four taps around a place that lies `t` in [0, 1) after the second (Keys 1981, a =
/// -3/4).
std::array<float, 4> cubic_weights(float t) {
  constexpr float a = -0.75f;
  const auto near = [](float x) { return ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1.0f; };
  const auto far = [](float x) { return ((a * x - 5.0f * a) * x + 8.0f * a) * x - 4.0f * a; };
  return {far(t + 1.0f), near(t), near(1.0f - t), far(2.0f - t)};
}

/// Taps and weights along one axis: patch `place` of `count` in a table of `side`.
struct AxisTaps {
  std::array<i64, 4> at;
  std::array<float, 4> weight;

  AxisTaps(i64 place, i64 count, i64 side) {
    // In single precision and through [-1, 1], as the reference computes it.
    const float normal =
        (static_cast<float>(place) + 0.5f) / static_cast<float>(count) * 2.0f - 1.0f;
    const float x = ((normal + 1.0f) * static_cast<float>(side) - 1.0f) / 2.0f;
    const float floor = std::floor(x);
    weight = cubic_weights(x - floor);
    for (i64 k = 0; k < 4; ++k)
      at[static_cast<std::size_t>(k)] =
          std::clamp(static_cast<i64>(floor) - 1 + k, i64{0}, side - 1);
  }
};

i64 patches_of(std::span<const Grid> grids) {
  i64 count = 0;
  for (const Grid& grid : grids) count += grid[0] * grid[1] * grid[2];
  return count;
}

/// In the older style or the newer; the scaling is "axial" and has no parameters.
double rope_theta(const ConfigReader& c) {
  const double theta = c.number_or("rope_theta", 10000.0);
  if (!c.has("rope_parameters") || !c.json()["rope_parameters"].is_object()) return theta;
  return ConfigReader(c.json()["rope_parameters"]).number_or("rope_theta", theta);
}

}  // namespace

PatchPlaces patch_places(std::span<const Grid> grids, i64 merge) {
  PatchPlaces places;
  for (const Grid& grid : grids) {
    for (i64 frame = 0; frame < grid[0]; ++frame) {
      for (i64 i = 0; i < grid[1] * grid[2]; ++i) {
        const i64 block = i / (merge * merge);
        const i64 within = i % (merge * merge);
        const i64 blocks_a_row = grid[2] / merge;
        places.rows.push_back(block / blocks_a_row * merge + within / merge);
        places.columns.push_back(block % blocks_a_row * merge + within % merge);
      }
      places.starts.push_back(ssize_of(places.rows));
    }
  }
  return places;
}

PositionTaps position_taps(Pool& pool, std::span<const Grid> grids, const PatchPlaces& places,
                           i64 side) {
  PositionTaps taps = {.index = Tensor::empty(pool, {ssize_of(places.rows), 16}, DType::i64),
                       .weight = Tensor::empty(pool, {ssize_of(places.rows), 16})};
  if (pool.device() == Device::meta) return taps;
  std::size_t patch = 0;
  for (const Grid& grid : grids) {
    for (i64 i = 0; i < grid[0] * grid[1] * grid[2]; ++i, ++patch) {
      const AxisTaps row(places.rows[patch], grid[1], side);
      const AxisTaps column(places.columns[patch], grid[2], side);
      for (std::size_t k = 0; k < 16; ++k) {
        taps.index.i64s()[patch * 16 + k] = row.at[k / 4] * side + column.at[k % 4];
        taps.weight.f32()[patch * 16 + k] = row.weight[k / 4] * column.weight[k % 4];
      }
    }
  }
  return taps;
}

nn::RopeAngles axial_angles(Pool& pool, const PatchPlaces& places, i64 head_size, double theta) {
  const nn::Rope axis({.rotary = head_size / 2, .theta = theta});
  const i64 pairs = head_size / 2;
  nn::RopeAngles angles = {.cos = Tensor::empty(pool, {ssize_of(places.rows), pairs}),
                           .sin = Tensor::empty(pool, {ssize_of(places.rows), pairs}),
                           .layout = ops::RopeLayout::halves};
  if (pool.device() == Device::meta) return angles;
  for (std::size_t patch = 0; patch < places.rows.size(); ++patch) {
    for (i64 pair = 0; pair < pairs; ++pair) {
      const bool of_row = pair < pairs / 2;
      const i64 place = of_row ? places.rows[patch] : places.columns[patch];
      const float frequency =
          axis.frequencies()[static_cast<std::size_t>(of_row ? pair : pair - pairs / 2)];
      const auto angle = static_cast<double>(static_cast<float>(place) * frequency);
      const i64 at = static_cast<i64>(patch) * pairs + pair;
      angles.cos.f32()[at] = static_cast<float>(std::cos(angle));
      angles.sin.f32()[at] = static_cast<float>(std::sin(angle));
    }
  }
  return angles;
}

const Json& text_config(const Json& config) {
  const auto text = config.find("text_config");
  return text != config.end() && text->is_object() ? *text : config;
}

const Json& vision_config(const Json& config) {
  const auto vision = config.find("vision_config");
  if (vision == config.end() || !vision->is_object())
    fail(ErrorCode::corrupt_file, "config: vision_config is missing");
  return *vision;
}

PictureMarkers picture_markers(const Json& config) {
  const ConfigReader c(config);
  return {.image = c.size("image_token_id"),
          .video_start = c.size_or("video_start_token_id", 151341),
          .video_end = c.size_or("video_end_token_id", 151342),
          .merge = ConfigReader(vision_config(config)).size_or("spatial_merge_size", 2)};
}

nn::RopeConfig glm_rope(const ConfigReader& text, i64 head_size, double partial) {
  nn::RopeConfig rope = rope_config(text, head_size, partial);
  if (rope.sections == std::array<i64, 3>{} && rope.rotary == 64) rope.sections = {8, 12, 12};
  return rope;
}

GlmVision::Config::Config(const ConfigReader& c)
    : D(c.size("hidden_size")),
      H(c.size("num_heads")),
      F(c.size("intermediate_size")),
      O(c.size("out_hidden_size")),
      layers(c.size("depth")),
      merge(c.size_or("spatial_merge_size", 2)),
      epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
      theta(rope_theta(c)),
      bias(c.flag_or("attention_bias", false) ? nn::Bias::present : nn::Bias::none) {
  const i64 patch = c.size_or("patch_size", 14);
  patch_values = c.size_or("in_channels", 3) * c.size_or("temporal_patch_size", 2) * patch * patch;
  side = c.size_or("image_size", 336) / patch;
  const std::string activation = c.text_or("hidden_act", "silu");
  if (activation != "silu")
    fail(ErrorCode::unsupported, "a GLM vision tower with activation '{}'", activation);
  if (D % H != 0 || D / H % 4 != 0 || side < 1) {
    fail(ErrorCode::corrupt_file, "vision_config: hidden_size {} over {} heads, a table of side {}",
         D, H, side);
  }
}

nn::SelfAttention GlmVision::Block::make_attention(const nn::Weights& w, const Config& c) {
  const i64 head_size = c.D / c.H;
  return {.q_proj = w.linear("q_proj", c.D, c.D, nn::Split::out, c.bias),
          .k_proj = w.linear("k_proj", c.D, c.D, nn::Split::out, c.bias),
          .v_proj = w.linear("v_proj", c.D, c.D, nn::Split::out, c.bias),
          .o_proj = w.linear("proj", c.D, c.D, nn::Split::in),
          .q_norm = std::nullopt,
          .k_norm = std::nullopt,
          .head_size = head_size,
          .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
                   .mask = ops::Mask::bidirectional}};
}

GlmVision::Block::Block(const nn::Weights& w, const Config& c)
    : norm1(nn::rms_norm(w, "norm1", c.D, c.epsilon)),
      attention(make_attention(w.at("attn"), c)),
      norm2(nn::rms_norm(w, "norm2", c.D, c.epsilon)),
      mlp(w.at("mlp"), c.D, c.O) {}

GlmVision::GlmVision(const Json& config, const nn::Weights& w)
    : c_(ConfigReader(config)),
      patch_embed_(w.at("patch_embed")
                       .linear("proj", c_.D, c_.patch_values, nn::Split::none, nn::Bias::present)),
      post_conv_norm_(nn::rms_norm(w, "post_conv_layernorm", c_.D, c_.epsilon)),
      positions_(w.at("embeddings").table("position_embedding", c_.side * c_.side, c_.D)),
      post_norm_(nn::rms_norm(w, "post_layernorm", c_.D, c_.epsilon)),
      downsample_(w.linear("downsample", c_.O, c_.D * c_.merge * c_.merge, nn::Split::none,
                           nn::Bias::present)),
      merger_proj_(w.at("merger").linear("proj", c_.O, c_.O)),
      merger_norm_(nn::layer_norm(w.at("merger"), "post_projection_norm", c_.O, 1e-5f)),
      merger_(w.at("merger"), c_.O, c_.F) {
  for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(w.at("blocks", i), c_);
}

void GlmVision::check_width(i64 hidden) const {
  if (c_.O == hidden) return;
  fail(ErrorCode::corrupt_file, "config: the tower gives rows of {}, the language model takes {}",
       c_.O, hidden);
}

Tensor GlmVision::operator()(ops::Context& ctx, const Images& images) const {
  check_grids(images.grids, c_.merge);
  const Shape expected = {patches_of(images.grids), c_.patch_values};
  if (!(images.pixels.shape() == expected)) {
    fail(ErrorCode::shape_mismatch, "pictures of {}, their grids ask for {}",
         images.pixels.shape().to_string(), expected.to_string());
  }
  const PatchPlaces places = patch_places(images.grids, c_.merge);
  const nn::RopeAngles angles = axial_angles(ctx.pool, places, c_.D / c_.H, c_.theta);
  const PositionTaps taps = position_taps(ctx.pool, images.grids, places, c_.side);
  std::vector<i64> all(static_cast<std::size_t>(c_.side * c_.side));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<i64>(i);
  const Tensor ids = Tensor::of(ctx.pool, {ssize_of(all)}, std::span<const i64>(all));
  const Tensor table = ops::embed(ctx, ids, positions_);
  const nn::Batch frames = {.ids = ids,
                            .positions = ids,
                            .token_types = std::nullopt,
                            .starts = places.starts,
                            .logit_rows = std::nullopt,
                            .slots = std::nullopt,
                            .sequences = {}};

  Tensor x_PD = post_conv_norm_(ctx, patch_embed_(ctx, images.pixels));
  x_PD = ops::add(ctx, x_PD, ops::mix_rows(ctx, table, taps.index, taps.weight));
  for (const Block& block : blocks_) {
    x_PD =
        ops::add(ctx, x_PD, block.attention(ctx, block.norm1(ctx, x_PD), &angles, frames, nullptr));
    x_PD = ops::add(ctx, x_PD, block.mlp(ctx, block.norm2(ctx, x_PD)));
  }
  return merged(ctx, post_norm_(ctx, x_PD));
}

/// A convolution over each block of m x m patches, then the projector.
Tensor GlmVision::merged(ops::Context& ctx, const Tensor& x_PD) const {
  const Tensor blocks = ops::transpose_groups(ctx, x_PD, c_.merge * c_.merge);
  const Tensor y = merger_norm_(ctx, merger_proj_(ctx, downsample_(ctx, blocks)));
  return merger_(ctx, ops::gelu(ctx, y));
}

}  // namespace medlar::models
