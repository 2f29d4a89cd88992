#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

backend::NormArgs norm_args(const Tensor& x, const Tensor& weight, const Tensor* bias,
                            float epsilon, Tensor& y) {
  return {.x = x.f32(),
          .rows = x.count() / x.size(-1),
          .width = x.size(-1),
          .weight = weight.f32(),
          .bias = bias != nullptr ? bias->f32() : nullptr,
          .epsilon = epsilon,
          .y = y.f32()};
}

}  // namespace

Tensor rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float epsilon) {
  check_shape("rms_norm", "weight", weight, {x.size(-1)});
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  kernel(ctx.kernels.rms_norm, ctx, "rms_norm")(ctx.stream,
                                                norm_args(x, weight, nullptr, epsilon, y));
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, weight, epsilon](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad_x = Tensor::empty(c.pool, x.shape());
      Tensor grad_weight = Tensor::empty(c.pool, weight.shape());
      kernel(c.kernels.rms_norm_grad, c, "rms_norm_grad")(
          c.stream, norm_args(x, weight, nullptr, epsilon, grad_x), g.f32(), grad_weight.f32());
      tape.accumulate(c, x, grad_x);
      tape.accumulate(c, weight, grad_weight);
    });
  }
  return y;
}

Tensor layer_norm(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias,
                  float epsilon) {
  check_shape("layer_norm", "weight", weight, {x.size(-1)});
  if (bias != nullptr) check_shape("layer_norm", "bias", *bias, {x.size(-1)});
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  kernel(ctx.kernels.layer_norm, ctx, "layer_norm")(ctx.stream,
                                                    norm_args(x, weight, bias, epsilon, y));
  if (ctx.tape != nullptr) {
    const std::optional<Tensor> b = bias != nullptr ? std::optional(*bias) : std::nullopt;
    ctx.tape->record(y, [x, weight, b, epsilon](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad_x = Tensor::empty(c.pool, x.shape());
      Tensor grad_weight = Tensor::empty(c.pool, weight.shape());
      Tensor grad_bias = Tensor::empty(c.pool, weight.shape());
      kernel(c.kernels.layer_norm_grad, c, "layer_norm_grad")(
          c.stream, norm_args(x, weight, nullptr, epsilon, grad_x), g.f32(), grad_weight.f32(),
          grad_bias.f32());
      tape.accumulate(c, x, grad_x);
      tape.accumulate(c, weight, grad_weight);
      if (b) tape.accumulate(c, *b, grad_bias);
    });
  }
  return y;
}

Tensor softmax(Context& ctx, const Tensor& x) {
  const i64 width = x.size(-1);
  if (width == 0)
    fail(ErrorCode::invalid_argument, "softmax: the last axis of {} is empty",
         x.shape().to_string());
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  kernel(ctx.kernels.softmax, ctx, "softmax")(
      ctx.stream, {.x = x.f32(), .rows = x.count() / width, .width = width, .y = y.f32()});
  if (ctx.tape != nullptr) {
    // dx = y * (g - sum(g * y))
    ctx.tape->record(y, [x, y](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = multiply(c, g, y);
      const i64 columns = x.size(-1);
      for (i64 r = 0; r < x.count() / columns; ++r) {
        float* row = grad.f32() + r * columns;
        float sum = 0.0f;
        for (i64 i = 0; i < columns; ++i) sum += row[i];
        for (i64 i = 0; i < columns; ++i) row[i] -= y.f32()[r * columns + i] * sum;
      }
      tape.accumulate(c, x, grad);
    });
  }
  return y;
}

}  // namespace medlar::ops
