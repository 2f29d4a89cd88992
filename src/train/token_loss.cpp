#include "train/token_loss.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "ops/ops.h"

namespace medlar::train {
namespace {

/// Softmax of each row over its head's columns, 0 elsewhere.
Tensor head_probabilities(ops::Context ctx, const Tensor& logits,
                          std::span<const TokenTarget> targets) {
  ctx.tape = nullptr;
  const i64 columns = logits.size(1);
  Tensor masked = Tensor::empty(ctx.pool, logits.shape());
  std::fill_n(masked.f32(), masked.count(), -std::numeric_limits<float>::infinity());
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const TokenTarget& target = targets[t];
    const i64 row = static_cast<i64>(t) * columns;
    const bool counts = target.column >= 0;
    const i64 first = counts ? target.first : 0;
    std::copy_n(logits.f32() + row + first, counts ? target.count : columns,
                masked.f32() + row + first);
  }
  return ops::softmax(ctx, masked);
}

}  // namespace

double weight_of(std::span<const TokenTarget> targets) {
  double weights = 0.0;
  for (const TokenTarget& target : targets) {
    if (target.column >= 0) weights += static_cast<double>(target.weight);
  }
  return weights;
}

Tensor token_loss(ops::Context& ctx, const Tensor& logits, std::span<const TokenTarget> targets,
                  float smoothing) {
  MEDLAR_CHECK(logits.shape().rank() == 2 && logits.size(0) == ssize_of(targets));
  const i64 columns = logits.size(1);
  const Tensor probabilities = head_probabilities(ctx, logits, targets);
  const double weights = weight_of(targets);
  if (weights <= 0.0) fail(ErrorCode::invalid_argument, "token_loss: no token has a target");
  Tensor gradient = Tensor::zeros(ctx.pool, logits.shape());
  double sum = 0.0;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const TokenTarget& target = targets[t];
    if (target.column < 0) continue;
    const float share = static_cast<float>(static_cast<double>(target.weight) / weights);
    const float spread = smoothing / static_cast<float>(target.count);
    for (i64 c = target.first; c < target.first + target.count; ++c) {
      const i64 at = static_cast<i64>(t) * columns + c;
      const float wanted = spread + (c == target.column ? 1.0f - smoothing : 0.0f);
      const float p = probabilities.f32()[at];
      gradient.f32()[at] = share * (p - wanted);
      constexpr float smallest = std::numeric_limits<float>::min();
      if (wanted > 0.0f)
        sum -= static_cast<double>(share * wanted) *
               std::log(static_cast<double>(std::max(p, smallest)));
    }
  }
  Tensor loss = Tensor::zeros(ctx.pool, {1});
  loss.f32()[0] = static_cast<float>(sum);
  if (ctx.tape != nullptr) {
    ctx.tape->record(loss, [logits, gradient](ops::Context& c, ops::Tape& tape, const Tensor& g) {
      tape.accumulate(c, logits, ops::scale(c, gradient, g.f32()[0]));
    });
  }
  return loss;
}

}  // namespace medlar::train
