#include "nn/linear.h"

namespace medlar::nn {

Tensor Linear::operator()(ops::Context& ctx, const Tensor& x) const {
  const Tensor* b = bias ? &*bias : nullptr;
  if (adapter) {
    const Tensor low = ops::linear(ctx, ops::linear(ctx, x, adapter->a), adapter->b);
    return ops::add(ctx, ops::linear(ctx, x, weight, b), ops::scale(ctx, low, adapter->scale));
  }
  if (split != Split::in) return ops::linear(ctx, x, weight, b);
  const Tensor y = ops::linear(ctx, ops::gather_columns(ctx, x, in), weight, b);
  return ops::gather_columns(ctx, y, out);
}

Tensor GroupedLinear::operator()(ops::Context& ctx, const Tensor& x,
                                 std::span<const i64> starts) const {
  const Tensor* b = bias ? &*bias : nullptr;
  if (split != Split::in) return ops::grouped_linear(ctx, x, weights, starts, b);
  const Tensor y = ops::grouped_linear(ctx, ops::gather_columns(ctx, x, in), weights, starts, b);
  return ops::gather_columns(ctx, y, out);
}

}  // namespace medlar::nn
