#pragma once

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "base/types.h"

namespace medlar::tests {

/// `count` values from a normal distribution, the same on every machine (Box-Muller over Philox).
inline std::vector<float> normal_values(i64 count, u64 seed, float scale = 1.0f) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (i64 i = 0; i < count; ++i) {
    const double u = 1.0 - static_cast<double>(uniform(seed, 1, static_cast<u64>(i)));
    const double v = static_cast<double>(uniform(seed, 2, static_cast<u64>(i)));
    values[static_cast<std::size_t>(i)] =
        scale * static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
  }
  return values;
}

}  // namespace medlar::tests
