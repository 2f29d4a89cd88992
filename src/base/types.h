#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace medlar {

/// Every count, index and size is an `i64`; narrower types appear only in stored formats.
using i64 = std::int64_t;
using i32 = std::int32_t;
using i16 = std::int16_t;
using i8 = std::int8_t;
using u64 = std::uint64_t;
using u32 = std::uint32_t;
using u16 = std::uint16_t;
using u8 = std::uint8_t;

/// Raw memory of a file or a tensor; never owns.
using Bytes = std::span<const std::byte>;

/// Size of a container as an `i64`.
template <typename Container>
constexpr i64 ssize_of(const Container& container) {
  return static_cast<i64>(container.size());
}

/// ceil(a / b) for a >= 0, b > 0.
constexpr i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }

/// The smallest multiple of `step` that is >= `value`, for value >= 0, step > 0.
constexpr i64 round_up(i64 value, i64 step) { return ceil_div(value, step) * step; }

}  // namespace medlar
