#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

using backend::Binary;
using backend::Unary;

Tensor unary(Context& ctx, Unary f, const Tensor& x) {
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  kernel(ctx.kernels.unary, ctx, "unary")(ctx.stream, f, x.f32(), x.count(), y.f32());
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, f](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::empty(c.pool, x.shape());
      kernel(c.kernels.unary_grad, c, "unary_grad")(c.stream, f, x.f32(), g.f32(), x.count(),
                                                    grad.f32());
      tape.accumulate(c, x, grad);
    });
  }
  return y;
}

/// Elements of b that repeat along a: all of a, or its last axis.
i64 period_of(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.shape() == b.shape()) return std::max(a.count(), i64{1});
  check_shape(op, "b", b, {a.size(-1)});
  return a.size(-1);
}

Tensor binary(Context& ctx, Binary op, const Tensor& a, const Tensor& b, i64 period) {
  Tensor y = Tensor::empty(ctx.pool, a.shape());
  if (y.count() == 0) return y;
  kernel(ctx.kernels.binary, ctx, "binary")(ctx.stream, op, a.f32(), b.f32(), a.count(), period,
                                            y.f32());
  return y;
}

/// A gradient of a's shape brought to b's: summed over the rows that shared b.
Tensor reduced_to(Context& ctx, const Tensor& grad, const Tensor& b) {
  if (grad.shape() == b.shape()) return grad;
  return sum_rows(ctx, grad.reshape({grad.count() / b.count(), b.count()}));
}

}  // namespace

Tensor silu(Context& ctx, const Tensor& x) { return unary(ctx, Unary::silu, x); }
Tensor gelu(Context& ctx, const Tensor& x) { return unary(ctx, Unary::gelu, x); }
Tensor gelu_tanh(Context& ctx, const Tensor& x) { return unary(ctx, Unary::gelu_tanh, x); }
Tensor quick_gelu(Context& ctx, const Tensor& x) { return unary(ctx, Unary::quick_gelu, x); }
Tensor relu(Context& ctx, const Tensor& x) { return unary(ctx, Unary::relu, x); }
Tensor tanh(Context& ctx, const Tensor& x) { return unary(ctx, Unary::tanh, x); }
Tensor sigmoid(Context& ctx, const Tensor& x) { return unary(ctx, Unary::sigmoid, x); }
Tensor exp(Context& ctx, const Tensor& x) { return unary(ctx, Unary::exp, x); }

Tensor clamp(Context& ctx, const Tensor& x, float low, float high) {
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  kernel(ctx.kernels.clamp, ctx, "clamp")(ctx.stream, low, high, x.f32(), x.count(), y.f32());
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, low, high](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::zeros(c.pool, x.shape());
      for (i64 i = 0; i < x.count(); ++i) {
        const float value = x.f32()[i];
        if (value >= low && value <= high) grad.f32()[i] = g.f32()[i];
      }
      tape.accumulate(c, x, grad);
    });
  }
  return y;
}

Tensor add(Context& ctx, const Tensor& a, const Tensor& b) {
  Tensor y = binary(ctx, Binary::add, a, b, period_of("add", a, b));
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [a, b](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, a, g);
      tape.accumulate(c, b, reduced_to(c, g, b));
    });
  }
  return y;
}

Tensor multiply(Context& ctx, const Tensor& a, const Tensor& b) {
  Tensor y = binary(ctx, Binary::multiply, a, b, period_of("multiply", a, b));
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [a, b](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, a, multiply(c, g, b));
      tape.accumulate(c, b, reduced_to(c, multiply(c, g, a), b));
    });
  }
  return y;
}

Tensor scale(Context& ctx, const Tensor& x, float factor) {
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  kernel(ctx.kernels.scale, ctx, "scale")(ctx.stream, factor, x.f32(), x.count(), y.f32());
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, factor](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, x, scale(c, g, factor));
    });
  }
  return y;
}

Tensor dropout(Context& ctx, const Tensor& x) {
  if (ctx.tape == nullptr || ctx.tape->dropout.rate == 0.0f) return x;
  const auto masked = [rate = ctx.tape->dropout.rate, seed = ctx.tape->dropout.seed,
                       stream = ctx.tape->dropout.calls++](Context& c, const Tensor& from) {
    Tensor y = Tensor::empty(c.pool, from.shape());
    kernel(c.kernels.dropout, c, "dropout")(c.stream, {.x = from.f32(),
                                                       .count = from.count(),
                                                       .rate = rate,
                                                       .seed = seed,
                                                       .stream = stream,
                                                       .y = y.f32()});
    return y;
  };
  Tensor y = masked(ctx, x);
  ctx.tape->record(y, [x, masked](Context& c, Tape& tape, const Tensor& g) {
    tape.accumulate(c, x, masked(c, g));
  });
  return y;
}

}  // namespace medlar::ops
