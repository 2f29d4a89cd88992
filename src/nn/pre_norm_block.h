#pragma once

#include "nn/self_attention.h"

namespace medlar::nn {

/// The decoder layer of the Llama line: h += attention(norm(h)); h += mlp(norm(h)).
struct PreNormBlock {
  RmsNorm attention_norm;
  SelfAttention attention;
  RmsNorm mlp_norm;
  SwiGlu mlp;

  /// h [T, D] -> [T, D].
  Tensor operator()(ops::Context& ctx, const Tensor& h, const RopeAngles& angles,
                    const Batch& batch, const backend::KvPages* cache) const {
    const Tensor attended =
        ops::add(ctx, h, attention(ctx, attention_norm(ctx, h), &angles, batch, cache));
    return ops::add(ctx, attended, mlp(ctx, mlp_norm(ctx, attended)));
  }
};

}  // namespace medlar::nn
