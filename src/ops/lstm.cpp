#include <algorithm>
#include <cmath>

#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

/// One row after the other: what the state adds is a product of one row, so a sequence alone and in
/// a batch are the same sums.
class Recurrence {
 public:
  Recurrence(Context& ctx, const Weight& recurrent, const Tensor* bias)
      : ctx_(ctx),
        recurrent_(recurrent),
        bias_(bias),
        width_(recurrent.in()),
        state_(Tensor::empty(ctx.pool, {1, width_})),
        cell_(Tensor::empty(ctx.pool, {1, width_})),
        gates_(Tensor::empty(ctx.pool, {1, 4 * width_})),
        squashed_(Tensor::empty(ctx.pool, {1, width_})) {}

  void restart() {
    std::fill_n(state_.f32(), width_, 0.0f);
    std::fill_n(cell_.f32(), width_, 0.0f);
  }

  /// c = f c + i g; h = o tanh(c).
  void step(const float* input_gates, float* y) {
    kernel(ctx_.kernels.linear, ctx_, "lstm")(ctx_.stream,
                                              {.x = state_.f32(),
                                               .rows = 1,
                                               .weight = recurrent_.view,
                                               .bias = bias_ != nullptr ? bias_->f32() : nullptr,
                                               .y = gates_.f32()});
    float* gates = gates_.f32();
    for (i64 i = 0; i < 4 * width_; ++i) gates[i] += input_gates[i];
    apply(backend::Unary::sigmoid, gates, 2 * width_);
    apply(backend::Unary::tanh, gates + 2 * width_, width_);
    apply(backend::Unary::sigmoid, gates + 3 * width_, width_);
    float* cell = cell_.f32();
    for (i64 i = 0; i < width_; ++i)
      cell[i] = std::fma(gates[width_ + i], cell[i], gates[i] * gates[2 * width_ + i]);
    std::copy_n(cell, width_, squashed_.f32());
    apply(backend::Unary::tanh, squashed_.f32(), width_);
    for (i64 i = 0; i < width_; ++i) y[i] = gates[3 * width_ + i] * squashed_.f32()[i];
    std::copy_n(y, width_, state_.f32());
  }

 private:
  void apply(backend::Unary function, float* x, i64 count) {
    kernel(ctx_.kernels.unary, ctx_, "lstm")(ctx_.stream, function, x, count, x);
  }

  Context& ctx_;
  const Weight& recurrent_;
  const Tensor* bias_;
  i64 width_;
  Tensor state_, cell_, gates_, squashed_;
};

}  // namespace

Tensor lstm(Context& ctx, const Tensor& gates, const Weight& recurrent, const Tensor* bias,
            std::span<const i64> starts, Direction direction) {
  if (ctx.tape != nullptr) fail(ErrorCode::unsupported, "lstm has no gradient");
  check_rank("lstm", "gates", gates, 2);
  const i64 width = recurrent.in();
  check_shape("lstm", "gates", gates, {gates.size(0), recurrent.out()});
  if (recurrent.out() != 4 * width) {
    fail(ErrorCode::shape_mismatch, "lstm: recurrent is [{}, {}], expected [{}, {}]",
         recurrent.out(), width, 4 * width, width);
  }
  if (bias != nullptr) check_shape("lstm", "bias", *bias, {4 * width});
  MEDLAR_CHECK(!starts.empty() && starts.front() == 0 && starts.back() == gates.size(0));
  Tensor y = Tensor::empty(ctx.pool, {gates.size(0), width});
  Recurrence recurrence(ctx, recurrent, bias);
  if (y.device() == Device::meta) return y;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    recurrence.restart();
    const i64 length = starts[s + 1] - starts[s];
    for (i64 i = 0; i < length; ++i) {
      const i64 row = direction == Direction::forward ? starts[s] + i : starts[s + 1] - 1 - i;
      recurrence.step(gates.f32() + row * 4 * width, y.f32() + row * width);
    }
  }
  return y;
}

}  // namespace medlar::ops
