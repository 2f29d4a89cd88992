#pragma once

#include <optional>

#include "nn/batch.h"
#include "nn/kv_cache.h"
#include "nn/norm.h"
#include "nn/rope.h"
#include "nn/weights.h"

namespace medlar::nn {

/// Softmax attention of tokens with their own sequence: projections, grouped heads (Ainslie et al.
/// 2023, arXiv 2305.13245), optional norms of q and k per head, rotary positions. H query heads, K
/// key/value heads, d head size; each rank has H / R and K / R of them.
struct SelfAttention {
  Linear q_proj, k_proj, v_proj, o_proj;
  std::optional<RmsNorm> q_norm, k_norm;
  i64 head_size;
  ops::AttentionSpec spec;

  /// x [T, D] -> [T, D]. Without angles q and k are used as projected.
  Tensor operator()(ops::Context& ctx, const Tensor& x, const RopeAngles* angles,
                    const Batch& batch, const backend::KvPages* cache) const;
};

/// SwiGLU feed-forward (Shazeer 2020, arXiv 2002.05202): down(silu(gate(x)) * up(x)).
struct SwiGlu {
  Linear gate_proj, up_proj, down_proj;

  SwiGlu(const Weights& w, i64 hidden, i64 inner, Bias bias = Bias::none);
  Tensor operator()(ops::Context& ctx, const Tensor& x) const;
};

}  // namespace medlar::nn
