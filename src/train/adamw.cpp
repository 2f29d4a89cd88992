#include "train/adamw.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "train/adamw_update.h"

namespace medlar::train {
namespace {

constexpr i64 block = 1 << 14;

double sum_of_squares(ops::Context& ctx, const Tensor& x) {
  const i64 blocks = ceil_div(x.count(), block);
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  ctx.stream.threads->parallel_for(blocks, 1, [&](i64 begin, i64 end) {
    for (i64 b = begin; b < end; ++b) {
      double lanes[8] = {};
      const float* values = x.f32() + b * block;
      const i64 count = std::min(block, x.count() - b * block);
      for (i64 i = 0; i + 8 <= count; i += 8) {
        for (i64 lane = 0; lane < 8; ++lane) {
          const double v = values[i + lane];
          lanes[lane] += v * v;
        }
      }
      for (i64 i = count / 8 * 8; i < count; ++i) {
        const double v = values[i];
        lanes[i % 8] += v * v;
      }
      sums[static_cast<std::size_t>(b)] = std::accumulate(lanes, lanes + 8, 0.0);
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace

double Schedule::at(i64 step) const {
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double fall = falling * static_cast<double>(steps - warmup);
  const double into_fall = fall - static_cast<double>(steps - step);
  if (into_fall <= 0.0) return 1.0;
  const double gone = into_fall / fall;
  switch (decay) {
    case Decay::linear:
      return std::max(0.0, 1.0 - gone);
    case Decay::cosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, gone)));
    case Decay::none:
      return 1.0;
  }
  return 1.0;
}

AdamW::AdamW(Pool& pool, std::vector<nn::Parameter> parameters, const AdamWOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  for (const nn::Parameter& parameter : parameters_) {
    moments_.push_back({Tensor::zeros(pool, parameter.values.shape()),
                        Tensor::zeros(pool, parameter.values.shape())});
  }
}

void AdamW::step(ops::Context& ctx, const ops::Tape& tape, i64 number, float learning_rate,
                 float factor) {
  const auto correction = [&](float beta) {
    return static_cast<float>(
        1.0 / (1.0 - std::pow(static_cast<double>(beta), static_cast<double>(number))));
  };
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    Tensor values = parameters_[p].values;
    const Tensor* gradient = tape.gradient(values);
    if (gradient == nullptr) continue;
    const AdamWUpdate update = {.beta1 = options_.beta1,
                                .beta2 = options_.beta2,
                                .epsilon = options_.epsilon,
                                .rate = learning_rate,
                                .decay = values.shape().rank() > 1 ? options_.weight_decay : 0.0f,
                                .first_correction = correction(options_.beta1),
                                .second_correction = correction(options_.beta2),
                                .factor = factor};
    Moments& moments = moments_[p];
    ctx.stream.threads->parallel_for(values.count(), block, [&](i64 begin, i64 end) {
      update_values(update, gradient->f32() + begin, end - begin, values.f32() + begin,
                    moments.first.f32() + begin, moments.second.f32() + begin);
    });
  }
}

double global_norm(ops::Context& ctx, const ops::Tape& tape,
                   std::span<const nn::Parameter> parameters) {
  double sum = 0.0;
  for (const nn::Parameter& parameter : parameters) {
    if (const Tensor* gradient = tape.gradient(parameter.values))
      sum += sum_of_squares(ctx, *gradient);
  }
  return std::sqrt(sum);
}

}  // namespace medlar::train
