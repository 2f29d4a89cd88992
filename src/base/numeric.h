#pragma once

#include <bit>
#include <cmath>
#include <limits>

#include "base/types.h"

/// Small floating formats to and from float, in plain integer arithmetic (same bits on every
/// machine). Sources: IEEE 754-2019 (binary16), bfloat16 as float's upper half, OCP 8-bit floating
/// point specification (E4M3, E5M2), OCP microscaling formats (E8M0).
namespace medlar {

/// bfloat16 -> float, exact.
inline float bf16_to_f32(u16 bits) { return std::bit_cast<float>(static_cast<u32>(bits) << 16); }

/// float -> bfloat16, nearest even; a NaN stays a NaN.
inline u16 f32_to_bf16(float value) {
  const u32 bits = std::bit_cast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<u16>((bits >> 16) | 0x0040u);
  return static_cast<u16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// IEEE binary16 -> float, exact, subnormals included.
inline float f16_to_f32(u16 bits) {
  const u32 sign = static_cast<u32>(bits & 0x8000u) << 16;
  const u32 exponent = (bits >> 10) & 0x1fu;
  const u32 mantissa = bits & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<u32>(magnitude));
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

/// float -> IEEE binary16, nearest even; from 65520 on infinity; a NaN stays a NaN.
inline u16 f32_to_f16(float value) {
  const u32 bits = std::bit_cast<u32>(value);
  const u16 sign = static_cast<u16>((bits >> 16) & 0x8000u);
  const u32 magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<u16>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<u16>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // below 2^-14: a multiple of 2^-24, rounded by the float adder
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;  // ulp of [0.5, 1) is 2^-24
    return static_cast<u16>(sign | (std::bit_cast<u32>(shifted) - 0x3f000000u));
  }
  const u32 rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<u16>(sign | ((rounded - 0x38000000u) >> 13));
}

/// A 1-sign-bit 8-bit float with the given field widths and bias -> float; specials are the
/// caller's.
inline float small_float_to_f32(u8 bits, u32 mantissa_bits, i32 bias) {
  const u32 magnitude = bits & 0x7fu;
  const u32 mantissa = magnitude & ((1u << mantissa_bits) - 1u);
  const i32 exponent = static_cast<i32>(magnitude >> mantissa_bits);
  const float fraction = static_cast<float>(mantissa | (exponent == 0 ? 0u : 1u << mantissa_bits));
  const float value =
      std::ldexp(fraction, (exponent == 0 ? 1 : exponent) - bias - static_cast<i32>(mantissa_bits));
  return (bits & 0x80u) != 0 ? -value : value;
}

/// OCP E4M3 (largest 448, no infinity, NaN = 0x7F and 0xFF) -> float.
inline float f8_e4m3_to_f32(u8 bits) {
  if ((bits & 0x7fu) == 0x7fu) return std::numeric_limits<float>::quiet_NaN();
  return small_float_to_f32(bits, 3, 7);
}

/// OCP E5M2 (IEEE-like: 0x7C infinity, above it NaN) -> float.
inline float f8_e5m2_to_f32(u8 bits) { return f16_to_f32(static_cast<u16>(bits << 8)); }

/// float -> the nearest magnitude of an 8-bit float with the given field widths and bias, ties to
/// the even code, clamped to the code `largest`; not for a NaN.
inline u8 f32_to_small_float(float value, i32 mantissa_bits, i32 bias, u8 largest) {
  const u32 bits = std::bit_cast<u32>(value);
  const u8 sign = static_cast<u8>((bits >> 24) & 0x80u);
  const u32 magnitude = bits & 0x7fffffffu;
  const i32 exponent = static_cast<i32>(magnitude >> 23) - 127;
  const i32 least_exponent = 1 - bias;  // of normal numbers; below it the step stays the same
  // Bits of float's 24-bit significand under the last bit that is kept.
  const i32 dropped =
      23 - mantissa_bits + (exponent < least_exponent ? least_exponent - exponent : 0);
  if (dropped > 24) return sign;  // under half of the smallest subnormal, float's own included
  const u32 significand = (magnitude & 0x7fffffu) | 0x800000u;
  const u32 kept = significand >> dropped;
  const u32 rest = significand & ((1u << dropped) - 1u);
  const u32 half = 1u << (dropped - 1);
  const u32 rounded = kept + ((rest > half || (rest == half && (kept & 1u) != 0)) ? 1u : 0u);
  // A carry out of the mantissa moves into the exponent field by itself.
  const i32 field = exponent < least_exponent ? 0 : exponent + bias - 1;
  const i64 code = (static_cast<i64>(field) << mantissa_bits) + static_cast<i64>(rounded);
  return static_cast<u8>(sign | (code > largest ? largest : static_cast<u8>(code)));
}

/// float -> OCP E4M3, nearest even, clamped to +-448; NaN becomes 0x7F.
inline u8 f32_to_f8_e4m3(float value) {
  return std::isnan(value) ? u8{0x7f} : f32_to_small_float(value, 3, 7, 0x7e);
}

/// float -> OCP E5M2, nearest even, clamped to +-57344; NaN becomes 0x7F.
inline u8 f32_to_f8_e5m2(float value) {
  return std::isnan(value) ? u8{0x7f} : f32_to_small_float(value, 2, 15, 0x7b);
}

/// float -> E8M0, the power of two at or below |value| (the rule of OCP MX blocks); NaN stays NaN,
/// 0 and what is under 2^-127 become 2^-127, infinity NaN.
inline u8 f32_to_e8m0_floor(float value) {
  const u32 magnitude = std::bit_cast<u32>(value) & 0x7fffffffu;
  return static_cast<u8>(magnitude >> 23);
}

/// float -> the nearest E8M0, the larger of two equally near ones (below 2^-126 the smaller), as
/// PyTorch rounds; NaN and infinity become NaN.
inline u8 f32_to_e8m0(float value) {
  const u32 magnitude = std::bit_cast<u32>(value) & 0x7fffffffu;
  const u32 exponent = magnitude >> 23;
  const u32 fraction = magnitude & 0x7fffffu;
  if (exponent == 0xff) return 0xff;
  const bool rounds_up = exponent > 0 ? fraction >= 0x400000u : fraction > 0x400000u;
  return static_cast<u8>(exponent + (rounds_up ? 1u : 0u));
}

/// E8M0 scale: 2^(bits - 127); 0xFF is NaN; 0 is the subnormal 2^-127.
inline float e8m0_to_f32(u8 bits) {
  if (bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  return bits == 0 ? 0x1p-127f : std::bit_cast<float>(static_cast<u32>(bits) << 23);
}

}  // namespace medlar
