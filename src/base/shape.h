#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string>

#include "base/error.h"
#include "base/types.h"

namespace medlar {

/// Sizes of a tensor's axes, row-major, rank 0 (a scalar) to 5.
class Shape {
 public:
  static constexpr i64 max_rank = 5;

  Shape() = default;
  Shape(std::initializer_list<i64> dims) : Shape(std::span<const i64>(dims.begin(), dims.size())) {}
  /// Throws limit_exceeded for a rank over 5, invalid_argument for a negative size.
  explicit Shape(std::span<const i64> dims) : rank_(ssize_of(dims)) {
    if (rank_ > max_rank)
      fail(ErrorCode::limit_exceeded, "rank {} is over the limit of {}", rank_, max_rank);
    for (i64 dim : dims) {
      if (dim < 0) fail(ErrorCode::invalid_argument, "negative size {} in a shape", dim);
    }
    std::copy(dims.begin(), dims.end(), dims_.begin());
  }

  i64 rank() const { return rank_; }
  /// Size of one axis; a negative axis counts from the end.
  i64 operator[](i64 axis) const {
    const i64 index = axis < 0 ? axis + rank_ : axis;
    MEDLAR_CHECK(index >= 0 && index < rank_);
    return dims_[static_cast<std::size_t>(index)];
  }
  std::span<const i64> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }

  /// Number of elements; 1 for a scalar. Throws limit_exceeded on overflow of 63 bits.
  i64 count() const {
    i64 total = 1;
    for (i64 dim : dims()) {
      if (__builtin_mul_overflow(total, dim, &total)) {
        fail(ErrorCode::limit_exceeded, "shape {} has too many elements", to_string());
      }
    }
    return total;
  }

  bool operator==(const Shape& other) const {
    return std::equal(dims().begin(), dims().end(), other.dims().begin(), other.dims().end());
  }

  /// e.g. "[3, 64]"
  std::string to_string() const { return fmt::format("[{}]", fmt::join(dims(), ", ")); }

 private:
  i64 rank_ = 0;
  std::array<i64, max_rank> dims_{};
};

}  // namespace medlar
