#pragma once

// Rows of any width, sixteen values at a time. Internal linkage (see lanes.h).

#include "backend/cpu/lanes.h"

namespace medlar::backend::cpu {
namespace {

/// f(i, lanes of x) over a row of any width; the tail is filled up with `fill`.
template <typename Visit>
inline void for_lanes(const float* x, i64 width, float fill, Visit visit) {
  i64 i = 0;
  for (; i + 16 <= width; i += 16) visit(i, load(x + i));
  if (i < width) visit(i, load_part(x + i, width - i, fill));
}

inline void put(float* y, i64 i, i64 width, Lanes value) {
  if (i + 16 <= width) {
    store(y + i, value);
  } else {
    store_part(y + i, value, width - i);
  }
}

inline Lanes get(const float* x, i64 i, i64 width, float fill) {
  return i + 16 <= width ? load(x + i) : load_part(x + i, width - i, fill);
}

}  // namespace
}  // namespace medlar::backend::cpu
