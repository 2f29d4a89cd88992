#pragma once

// The one product of the vector kernels: linear and attention are made of it. Internal linkage (see
// lanes.h).

#include "backend/cpu/lanes.h"
#include "backend/cpu/shared.h"

namespace medlar::backend::cpu {
namespace {

inline i64 least(i64 a, i64 b) { return a < b ? a : b; }

constexpr float minus_infinity = -__builtin_inff();

// ---- The tile: rows x panels of sums that start from c and add a chain over k. ----

// The sums must live in registers: every loop over rows and panels is unrolled whole, and the sums
// are a local array with constant indices only. Left to itself the compiler stores all of them in
// every round (a third of the speed).
template <int Rows, int Panels>
inline void tile(const float* a, const float* const* b, i64 depth, Lanes (&c)[Rows][Panels]) {
  Lanes sum[Rows][Panels];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int p = 0; p < Panels; ++p) sum[r][p] = c[r][p];
  }
  for (i64 k = 0; k < depth; ++k) {
    Lanes w[Panels];
#pragma GCC unroll 2
    for (int p = 0; p < Panels; ++p) w[p] = load(b[p] + k * panel_rows);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const Lanes x = splat(a[k * Rows + r]);
#pragma GCC unroll 2
      for (int p = 0; p < Panels; ++p) sum[r][p] = fma(x, w[p], sum[r][p]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
    for (int p = 0; p < Panels; ++p) c[r][p] = sum[r][p];
  }
}

}  // namespace
}  // namespace medlar::backend::cpu
