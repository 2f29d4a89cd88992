#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/rng.h"

namespace medlar::runtime {

void check_sampling(const SamplingParameters& p) {
  if (!(p.temperature >= 0.0f) || p.temperature > 100.0f) {
    fail(ErrorCode::invalid_argument, "temperature must be in [0, 100]");
  }
  if (!(p.top_p > 0.0f) || p.top_p > 1.0f)
    fail(ErrorCode::invalid_argument, "top_p must be in (0, 1]");
  if (p.top_k < 0) fail(ErrorCode::invalid_argument, "top_k must not be negative");
}

i64 argmax(std::span<const float> values) {
  MEDLAR_CHECK(!values.empty());
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] > values[best] || std::isnan(values[best])) best = i;
  }
  return static_cast<i64>(best);
}

i64 sample(std::span<const float> logits, const SamplingParameters& p, i64 position) {
  const i64 best = argmax(logits);
  if (p.temperature == 0.0f || p.top_k == 1) return best;
  std::vector<i64> order(logits.size());
  std::iota(order.begin(), order.end(), i64{0});
  const auto rank = [&](i64 id) {
    const float logit = logits[static_cast<std::size_t>(id)];
    return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
  };
  std::ranges::sort(order,
                    [&](i64 a, i64 b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
  if (p.top_k > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(p.top_k)));
  const auto highest = static_cast<double>(logits[static_cast<std::size_t>(best)]);
  std::vector<double> weights;
  for (const i64 id : order) {
    const double logit = static_cast<double>(logits[static_cast<std::size_t>(id)]);
    weights.push_back(
        std::isnan(logit) ? 0.0 : std::exp((logit - highest) / static_cast<double>(p.temperature)));
  }
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  double kept = 0.0;
  std::size_t count = 0;
  while (count < weights.size() && (count == 0 || kept < static_cast<double>(p.top_p) * all))
    kept += weights[count++];
  double left = static_cast<double>(uniform(p.seed, 0, static_cast<u64>(position))) * kept;
  for (std::size_t i = 0; i < count; ++i) {
    left -= weights[i];
    if (left < 0.0) return order[i];
  }
  return order[count - 1];
}

}  // namespace medlar::runtime
