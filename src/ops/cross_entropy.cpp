#include <cmath>

#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {

Tensor cross_entropy(Context& ctx, const Tensor& logits, const Tensor& targets) {
  check_rank("cross_entropy", "logits", logits, 2);
  check_shape("cross_entropy", "targets", targets, {logits.size(0)});
  check_dtype("cross_entropy", "targets", targets, DType::i64);
  const i64 rows = logits.size(0);
  const i64 classes = logits.size(1);
  Context plain = ctx;
  plain.tape = nullptr;
  const Tensor probabilities = softmax(plain, logits);
  Tensor loss = Tensor::zeros(ctx.pool, {1});
  if (loss.device() == Device::meta) return loss;
  i64 counted = 0;
  double sum = 0.0;
  for (i64 r = 0; r < rows; ++r) {
    const i64 target = targets.i64s()[r];
    if (target < 0) continue;
    if (target >= classes) {
      fail(ErrorCode::invalid_argument, "cross_entropy: target {} is outside [0, {})", target,
           classes);
    }
    ++counted;
    const float* row = logits.f32() + r * classes;
    double highest = row[0];
    for (i64 i = 1; i < classes; ++i) highest = std::max(highest, static_cast<double>(row[i]));
    double total = 0.0;
    for (i64 i = 0; i < classes; ++i) total += std::exp(static_cast<double>(row[i]) - highest);
    sum += highest + std::log(total) - static_cast<double>(row[target]);
  }
  if (counted == 0) fail(ErrorCode::invalid_argument, "cross_entropy: no row has a target");
  loss.f32()[0] = static_cast<float>(sum / static_cast<double>(counted));
  if (ctx.tape != nullptr) {
    // d/dlogits = (softmax - onehot) / counted rows
    ctx.tape->record(
        loss, [logits, targets, probabilities, counted](Context& c, Tape& tape, const Tensor& g) {
          const float factor = g.f32()[0] / static_cast<float>(counted);
          Tensor grad = scale(c, probabilities, factor);
          for (i64 r = 0; r < logits.size(0); ++r) {
            const i64 target = targets.i64s()[r];
            float* row = grad.f32() + r * logits.size(1);
            if (target >= 0) {
              row[target] -= factor;
            } else {
              std::fill_n(row, logits.size(1), 0.0f);
            }
          }
          tape.accumulate(c, logits, grad);
        });
  }
  return loss;
}

}  // namespace medlar::ops
