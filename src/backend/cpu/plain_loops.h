#pragma once

#include <cmath>

#include "base/types.h"

/// Loops that several plain kernels are made of. Not for the vector kernels (see Scratch).
namespace medlar::backend::cpu {

/// A chain over i from 0.
inline float dot(const float* a, const float* b, i64 count) {
  float sum = 0.0f;
  for (i64 i = 0; i < count; ++i) sum = std::fma(a[i], b[i], sum);
  return sum;
}

/// y[i] = fma(factor, x[i], y[i]).
inline void add_scaled(float factor, const float* x, i64 count, float* y) {
  for (i64 i = 0; i < count; ++i) y[i] = std::fma(factor, x[i], y[i]);
}

}  // namespace medlar::backend::cpu
