#include "models/clip_vision.h"

#include <cmath>

#include "base/error.h"
#include "models/heads.h"

namespace medlar::models {
namespace {

nn::SelfAttention make_attention(const nn::Weights& w, i64 width, i64 heads) {
  const auto linear = [&](std::string_view name, nn::Split split) {
    return w.linear(name, width, width, split, nn::Bias::present);
  };
  const i64 head_size = width / heads;
  return {.q_proj = linear("q_proj", nn::Split::out),
          .k_proj = linear("k_proj", nn::Split::out),
          .v_proj = linear("v_proj", nn::Split::out),
          .o_proj = linear("out_proj", nn::Split::in),
          .q_norm = std::nullopt,
          .k_norm = std::nullopt,
          .head_size = head_size,
          .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
                   .mask = ops::Mask::bidirectional}};
}

Tensor indices(Pool& pool, const std::vector<i64>& values) {
  return Tensor::of(pool, {ssize_of(values)}, std::span<const i64>(values));
}

}  // namespace

ClipVision::Config::Config(const ConfigReader& c, i64 state)
    : C(c.size_or("hidden_size", 1024)),
      H(c.size_or("num_attention_heads", 16)),
      F(c.size_or("intermediate_size", 4096)),
      layers(c.size_or("num_hidden_layers", 24)),
      blocks(state < 0 ? layers + 1 + state : state),
      patch(c.size_or("patch_size", 14)),
      side(c.size_or("image_size", 336) / patch),
      epsilon(static_cast<float>(c.number_or("layer_norm_eps", 1e-5))) {
  const std::string activation = c.text_or("hidden_act", "quick_gelu");
  if (activation != "quick_gelu")
    fail(ErrorCode::unsupported, "a CLIP tower with activation '{}'", activation);
  if (C % H != 0 || side < 1 || blocks < 0 || blocks > layers) {
    fail(ErrorCode::corrupt_file,
         "vision_config: hidden_size {} over {} heads, {} patches a side, state {} of {} blocks", C,
         H, side, state, layers);
  }
}

ClipVision::Block::Block(const nn::Weights& w, const Config& c)
    : norm1(nn::layer_norm(w, "layer_norm1", c.C, c.epsilon)),
      attention(make_attention(w.at("self_attn"), c.C, c.H)),
      norm2(nn::layer_norm(w, "layer_norm2", c.C, c.epsilon)),
      fc1(w.at("mlp").linear("fc1", c.F, c.C, nn::Split::out, nn::Bias::present)),
      fc2(w.at("mlp").linear("fc2", c.C, c.F, nn::Split::in, nn::Bias::present)) {}

Tensor ClipVision::Block::operator()(ops::Context& ctx, const Tensor& x,
                                     const nn::Batch& pictures) const {
  const Tensor a = ops::add(ctx, x, attention(ctx, norm1(ctx, x), nullptr, pictures, nullptr));
  return ops::add(ctx, a, fc2(ctx, ops::quick_gelu(ctx, fc1(ctx, norm2(ctx, a)))));
}

ClipVision::ClipVision(const Json& config, i64 state, const nn::Weights& w)
    : c_(ConfigReader(config), state),
      patches_(w.at("embeddings").linear("patch_embedding", c_.C, patch_values())),
      class_(w.at("embeddings").vector("class_embedding", c_.C)),
      positions_(w.at("embeddings").table("position_embedding", c_.side * c_.side + 1, c_.C)),
      norm_(nn::layer_norm(w, "pre_layrnorm", c_.C, c_.epsilon)) {
  check_ranks(w, "heads of the vision tower", c_.H);
  for (i64 i = 0; i < c_.blocks; ++i) blocks_.emplace_back(w.at("encoder").at("layers", i), c_);
}

Tensor ClipVision::operator()(ops::Context& ctx, const Images& images) const {
  const i64 tokens = c_.side * c_.side + 1;  // of a picture: its class, then its patches
  std::vector<i64> places;
  std::vector<i64> patches;
  std::vector<i64> starts = {0};
  for (const Grid& grid : images.grids) {
    if (grid != Grid{1, c_.side, c_.side}) {
      fail(ErrorCode::invalid_argument,
           "a picture of {} x {} x {} patches, the tower takes {} x {}", grid[0], grid[1], grid[2],
           c_.side, c_.side);
    }
    for (i64 place = 0; place < tokens; ++place) {
      if (place > 0) patches.push_back(starts.back() + place);
      places.push_back(place);
    }
    starts.push_back(ssize_of(places));
  }
  const Tensor places_ids = indices(ctx.pool, places);
  const Tensor patch_rows = indices(ctx.pool, patches);
  const nn::Batch pictures = {.ids = places_ids,
                              .positions = places_ids,
                              .token_types = std::nullopt,
                              .starts = starts,
                              .logit_rows = std::nullopt,
                              .slots = std::nullopt,
                              .sequences = {}};

  const Tensor first = Tensor::zeros(ctx.pool, {ssize_of(places)}, DType::i64);
  const Tensor classes = ops::gather_rows(ctx, class_.reshape({1, c_.C}), first);
  Tensor x = ops::replace_rows(ctx, classes, patch_rows, patches_(ctx, images.pixels));
  x = norm_(ctx, ops::add(ctx, x, ops::embed(ctx, places_ids, positions_)));
  for (const Block& block : blocks_) x = block(ctx, x, pictures);
  return ops::gather_rows(ctx, x, patch_rows);
}

}  // namespace medlar::models
