// Ops of mixtures of experts.
#include <algorithm>

#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {

Routes route(Context& ctx, const Tensor& scores, const Tensor* bias, const RouteSpec& spec) {
  if (ctx.tape != nullptr) fail(ErrorCode::unsupported, "routing to experts has no gradient");
  check_rank("route", "scores", scores, 2);
  const i64 experts = scores.size(1);
  if (bias != nullptr) check_shape("route", "bias", *bias, {experts});
  if (spec.groups < 1 || experts % spec.groups != 0 || spec.kept_groups < 1 ||
      spec.kept_groups > spec.groups || spec.chosen < 1 ||
      spec.chosen > experts / spec.groups * spec.kept_groups) {
    fail(ErrorCode::invalid_argument,
         "route: cannot choose {} of {} experts in the best {} of {} groups", spec.chosen, experts,
         spec.kept_groups, spec.groups);
  }
  const i64 rows = scores.size(0);
  Routes routes = {.experts = Tensor::empty(ctx.pool, {rows, spec.chosen}, DType::i64),
                   .weights = Tensor::empty(ctx.pool, {rows, spec.chosen})};
  kernel(ctx.kernels.route, ctx, "route")(ctx.stream,
                                          {.scores = scores.f32(),
                                           .bias = bias != nullptr ? bias->f32() : nullptr,
                                           .rows = rows,
                                           .experts = experts,
                                           .chosen = spec.chosen,
                                           .groups = spec.groups,
                                           .kept_groups = spec.kept_groups,
                                           .weights = spec.weights,
                                           .factor = spec.factor,
                                           .index = routes.experts.i64s(),
                                           .y = routes.weights.f32()});
  return routes;
}

Tensor grouped_linear(Context& ctx, const Tensor& x, std::span<const Weight> weights,
                      std::span<const i64> starts, const Tensor* bias) {
  if (ctx.tape != nullptr) fail(ErrorCode::unsupported, "grouped_linear has no gradient");
  MEDLAR_CHECK(!weights.empty() && starts.size() == weights.size() + 1);
  const i64 in = weights[0].in();
  const i64 out = weights[0].out();
  check_shape("grouped_linear", "x", x, {starts.back(), in});
  if (bias != nullptr) check_shape("grouped_linear", "bias", *bias, {ssize_of(weights), out});
  Tensor y = Tensor::empty(ctx.pool, {x.size(0), out});
  const auto product = kernel(ctx.kernels.linear, ctx, "grouped_linear");
  if (x.device() == Device::meta) return y;
  for (std::size_t e = 0; e < weights.size(); ++e) {
    const i64 rows = starts[e + 1] - starts[e];
    if (rows == 0) continue;
    MEDLAR_CHECK(rows > 0 && weights[e].in() == in && weights[e].out() == out);
    product(ctx.stream,
            {.x = x.f32() + starts[e] * in,
             .rows = rows,
             .weight = weights[e].view,
             .bias = bias != nullptr ? bias->f32() + static_cast<i64>(e) * out : nullptr,
             .y = y.f32() + starts[e] * out});
    if (ctx.inputs != nullptr) (*ctx.inputs)(weights[e].view, x.f32() + starts[e] * in, rows);
  }
  return y;
}

}  // namespace medlar::ops
