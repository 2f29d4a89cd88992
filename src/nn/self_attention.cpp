#include "nn/self_attention.h"

namespace medlar::nn {
namespace {

/// [T, heads * size] -> [T, heads, size]
Tensor by_head(const Tensor& x, i64 size) { return x.reshape({x.size(0), x.size(1) / size, size}); }

}  // namespace

Tensor SelfAttention::operator()(ops::Context& ctx, const Tensor& x, const RopeAngles* angles,
                                 const Batch& batch, const backend::KvPages* cache) const {
  Tensor q = by_head(q_proj(ctx, x), head_size);
  Tensor k = by_head(k_proj(ctx, x), head_size);
  const Tensor v = by_head(v_proj(ctx, x), head_size);
  if (q_norm) q = (*q_norm)(ctx, q);
  if (k_norm) k = (*k_norm)(ctx, k);
  if (angles != nullptr) {
    q = turn(ctx, q, *angles);
    k = turn(ctx, k, *angles);
  }
  Tensor y = x;
  if (cache != nullptr) {
    ops::store_kv(ctx, k, v, *batch.slots, *cache);
    y = ops::cached_attention(ctx, q, *cache, batch.sequences, spec);
  } else {
    y = ops::attention(ctx, q, k, v, batch.starts, spec);
  }
  return o_proj(ctx, y.reshape({x.size(0), y.size(1) * y.size(2)}));
}

SwiGlu::SwiGlu(const Weights& w, i64 hidden, i64 inner, Bias bias)
    : gate_proj(w.linear("gate_proj", inner, hidden, Split::out, bias)),
      up_proj(w.linear("up_proj", inner, hidden, Split::out, bias)),
      down_proj(w.linear("down_proj", hidden, inner, Split::in, bias)) {}

Tensor SwiGlu::operator()(ops::Context& ctx, const Tensor& x) const {
  return down_proj(ctx, ops::multiply(ctx, ops::silu(ctx, gate_proj(ctx, x)), up_proj(ctx, x)));
}

}  // namespace medlar::nn
