#include "nn/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace medlar::nn {
namespace {

/// Long wavelengths slow down by the factor, short ones stay, those between are blended.
double llama3(const RopeConfig& c, double frequency) {
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength < c.original_context / c.high_frequency_factor) return frequency;
  if (wavelength > c.original_context / c.low_frequency_factor) return frequency / c.factor;
  const double blend = (c.original_context / wavelength - c.low_frequency_factor) /
                       (c.high_frequency_factor - c.low_frequency_factor);
  return (1.0 - blend) * frequency / c.factor + blend * frequency;
}

/// The pair that turns `rotations` times over the original context.
double yarn_pair(const RopeConfig& c, double rotations) {
  return static_cast<double>(c.rotary) / 2.0 *
         std::log(c.original_context / (rotations * 2.0 * std::numbers::pi)) / std::log(c.theta);
}

double yarn(const RopeConfig& c, double frequency, i64 pair) {
  double low = yarn_pair(c, c.beta_fast);
  double high = yarn_pair(c, c.beta_slow);
  if (c.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(c.rotary - 1));
  if (low == high) high += 0.001;
  const double ramp = std::clamp((static_cast<double>(pair) - low) / (high - low), 0.0, 1.0);
  return (1.0 - ramp) * frequency + ramp * frequency / c.factor;
}

}  // namespace

Rope::Rope(const RopeConfig& config, const std::optional<Tensor>& divisors) : config_(config) {
  constexpr i64 most = 1 << 16;  // before the frequencies are made: no tensor was checked yet
  if (config.rotary <= 0 || config.rotary % 2 != 0 || config.rotary > most) {
    fail(ErrorCode::invalid_argument,
         "rotary positions need an even, positive number of dimensions up to {}, got {}", most,
         config.rotary);
  }
  const i64 pairs = config.rotary / 2;
  if (divisors && divisors->count() != pairs) {
    fail(ErrorCode::shape_mismatch, "rope_freqs has {} values, the heads need {}",
         divisors->count(), pairs);
  }
  for (i64 pair = 0; pair < pairs; ++pair) {
    double frequency = std::pow(
        config.theta, -2.0 * static_cast<double>(pair) / static_cast<double>(config.rotary));
    if (divisors) {
      frequency /=
          divisors->device() == Device::meta ? 1.0 : static_cast<double>(divisors->f32()[pair]);
    } else {
      switch (config.scaling) {
        case RopeScaling::none:
          break;
        case RopeScaling::linear:
          frequency /= config.factor;
          break;
        case RopeScaling::llama3:
          frequency = llama3(config, frequency);
          break;
        case RopeScaling::yarn:
          frequency = yarn(config, frequency, pair);
          break;
      }
    }
    frequencies_.push_back(static_cast<float>(frequency));
  }
}

RopeAngles Rope::angles(ops::Context& ctx, const Tensor& positions) const {
  const i64 pairs = ssize_of(frequencies_);
  const i64 rows = positions.size(-1);
  const bool by_axis = positions.shape().rank() == 2;
  if (by_axis && (positions.size(0) != 3 ||
                  config_.sections[0] + config_.sections[1] + config_.sections[2] != pairs)) {
    fail(ErrorCode::shape_mismatch, "positions of shape {} for {} pairs in sections of {}, {}, {}",
         positions.shape().to_string(), pairs, config_.sections[0], config_.sections[1],
         config_.sections[2]);
  }
  const auto axis_of = [&](i64 pair) {
    if (!by_axis || pair < config_.sections[0]) return i64{0};
    return pair < config_.sections[0] + config_.sections[1] ? i64{1} : i64{2};
  };
  RopeAngles angles = {.cos = Tensor::empty(ctx.pool, {rows, pairs}),
                       .sin = Tensor::empty(ctx.pool, {rows, pairs}),
                       .layout = config_.layout};
  if (positions.device() == Device::meta) return angles;
  const auto factor = static_cast<float>(config_.attention_factor);
  ctx.stream.threads->parallel_for(rows, 16, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      for (i64 pair = 0; pair < pairs; ++pair) {
        const auto position = static_cast<float>(positions.i64s()[axis_of(pair) * rows + r]);
        // The angle is rounded to float as the references do; its cosine is taken in double, where
        // all libraries agree after rounding.
        const auto angle =
            static_cast<double>(position * frequencies_[static_cast<std::size_t>(pair)]);
        angles.cos.f32()[r * pairs + pair] = static_cast<float>(std::cos(angle)) * factor;
        angles.sin.f32()[r * pairs + pair] = static_cast<float>(std::sin(angle)) * factor;
      }
    }
  });
  return angles;
}

}  // namespace medlar::nn
