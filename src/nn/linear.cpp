#include "nn/linear.h"

namespace medlar::nn {

Tensor Linear::operator()(ops::Context& ctx, const Tensor& x) const {
  const Tensor* b = bias ? &*bias : nullptr;
  if (split != Split::in) return ops::linear(ctx, x, weight, b);
  const Tensor y = ops::linear(ctx, ops::gather_columns(ctx, x, in), weight, b);
  return ops::gather_columns(ctx, y, out);
}

}  // namespace medlar::nn
