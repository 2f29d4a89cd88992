#include "nn/experts.h"

#include <limits>

namespace medlar::nn {

Dispatch dispatch(ops::Context& ctx, const Tensor& experts, i64 count) {
  const i64 tokens = experts.size(0);
  const i64 chosen = experts.size(1);
  Dispatch order = {.token = Tensor::empty(ctx.pool, {tokens * chosen}, DType::i64),
                    .place = Tensor::empty(ctx.pool, {tokens, chosen}, DType::i64),
                    .starts = std::vector<i64>(static_cast<std::size_t>(count) + 1, 0)};
  if (experts.device() == Device::meta) {
    for (i64 e = 0; e <= count; ++e)
      order.starts[static_cast<std::size_t>(e)] = e * tokens * chosen / count;
    return order;
  }
  const auto expert_of = [&](i64 i) { return static_cast<std::size_t>(experts.i64s()[i]); };
  for (i64 i = 0; i < tokens * chosen; ++i) ++order.starts[expert_of(i) + 1];
  for (std::size_t e = 1; e < order.starts.size(); ++e) order.starts[e] += order.starts[e - 1];
  std::vector<i64> next = order.starts;
  for (i64 i = 0; i < tokens * chosen; ++i) {
    const i64 row = next[expert_of(i)]++;
    order.token.i64s()[row] = i / chosen;
    order.place.i64s()[i] = row;
  }
  return order;
}

Tensor swiglu(ops::Context& ctx, const Tensor& gate, const Tensor& up) {
  return ops::multiply(ctx, ops::silu(ctx, gate), up);
}

Tensor clamped_swiglu(ops::Context& ctx, const Tensor& gate, const Tensor& up) {
  constexpr float limit = 7.0f;
  constexpr float none = std::numeric_limits<float>::lowest();
  const Tensor gated = ops::quick_gelu(ctx, ops::clamp(ctx, gate, none, limit));
  return ops::add(ctx, ops::multiply(ctx, gated, ops::clamp(ctx, up, -limit, limit)), gated);
}

Experts::Experts(const Weights& w, i64 count, i64 chosen, i64 hidden, i64 inner, Glu gated,
                 Bias bias)
    : gate_proj(w.grouped_linear("gate_proj", count, chosen, inner, hidden, Split::out, bias)),
      up_proj(w.grouped_linear("up_proj", count, chosen, inner, hidden, Split::out, bias)),
      down_proj(w.grouped_linear("down_proj", count, chosen, hidden, inner, Split::in, bias)),
      glu(gated) {}

Tensor Experts::operator()(ops::Context& ctx, const Tensor& x, const ops::Routes& routes) const {
  const Dispatch order = dispatch(ctx, routes.experts, ssize_of(gate_proj.weights));
  const Tensor x_RD = ops::gather_rows(ctx, x, order.token);
  const Tensor gate_RF = gate_proj(ctx, x_RD, order.starts);
  const Tensor up_RF = up_proj(ctx, x_RD, order.starts);
  const Tensor y_RD = down_proj(ctx, glu(ctx, gate_RF, up_RF), order.starts);
  return ops::mix_rows(ctx, y_RD, order.place, routes.weights);
}

}  // namespace medlar::nn
