#pragma once

#include <vector>

#include "models/config.h"
#include "models/images.h"
#include "nn/self_attention.h"

namespace medlar::models {

/// CLIP's vision transformer (Radford et al. 2021, arXiv 2103.00020) up to one of its inner states:
/// a row for each patch of square pictures. C hidden, H heads, F feed-forward. Immutable; forward
/// may run on several threads.
class ClipVision {
 public:
  /// config: the "vision_config", ViT-L/14 at 336 pixels where it says nothing; state: 0 before the
  /// first block, -1 after the last; w: the scope of the tower.
  ClipVision(const Json& config, i64 state, const nn::Weights& w);

  /// [patches, C], picture after picture. Throws invalid_argument for grids of another size.
  Tensor operator()(ops::Context& ctx, const Images& images) const;

  i64 width() const { return c_.C; }
  i64 patch_values() const { return 3 * c_.patch * c_.patch; }

 private:
  struct Config {
    i64 C, H, F, layers, blocks, patch, side;
    float epsilon;
    Config(const ConfigReader& c, i64 state);
  };
  /// x += attention(norm(x)); x += fc2(quick_gelu(fc1(norm(x)))).
  struct Block {
    nn::LayerNorm norm1;
    nn::SelfAttention attention;
    nn::LayerNorm norm2;
    nn::Linear fc1, fc2;
    Block(const nn::Weights& w, const Config& c);
    Tensor operator()(ops::Context& ctx, const Tensor& x, const nn::Batch& pictures) const;
  };

  Config c_;
  nn::Linear patches_;
  Tensor class_;
  ops::Weight positions_;
  nn::LayerNorm norm_;
  std::vector<Block> blocks_;
};

}  // namespace medlar::models
