#pragma once

#include <bit>
#include <cmath>
#include <limits>

#include "base/types.h"

/// Small floating formats to and from float, in plain integer arithmetic (same bits on every machine).
/// Sources: IEEE 754-2019 (binary16), bfloat16 as float's upper half, OCP 8-bit floating point
/// specification (E4M3, E5M2), OCP microscaling formats (E8M0).
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

/// A 1-sign-bit 8-bit float with the given field widths and bias -> float; specials are the caller's.
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

/// E8M0 scale: 2^(bits - 127); 0xFF is NaN; 0 is the subnormal 2^-127.
inline float e8m0_to_f32(u8 bits) {
  if (bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  return bits == 0 ? 0x1p-127f : std::bit_cast<float>(static_cast<u32>(bits) << 23);
}

}  // namespace medlar
