#pragma once

// Sixteen floats side by side: two AVX2 registers or one AVX-512 register, chosen by the flags of
// the including file. Every operation is IEEE-exact or defined in functions.h, so both forms and
// the scalar definition give the same bits. Everything has internal linkage: code compiled for one
// instruction set must never be linked into another.

#include <immintrin.h>

#include "backend/cpu/functions.h"
#include "base/types.h"

namespace medlar::backend::cpu {
namespace {

#if defined(__AVX512F__)

struct Lanes {
  __m512 v;
};
struct LaneMask {
  __mmask16 bits;
};

inline Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, Lanes a) { _mm512_storeu_ps(p, a.v); }
inline Lanes splat(float x) { return {_mm512_set1_ps(x)}; }
inline Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Lanes operator/(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
/// b where a is NaN, as x86 defines it; the scalar form is `a > b ? a : b`.
inline Lanes max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Lanes min(Lanes a, Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
inline LaneMask less(Lanes a, Lanes b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline Lanes select(LaneMask m, Lanes yes, Lanes no) {
  return {_mm512_mask_blend_ps(m.bits, no.v, yes.v)};
}
inline Lanes bits_and(Lanes a, Lanes b) {
  return {
      _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v)))};
}
inline Lanes bits_or(Lanes a, Lanes b) {
  return {_mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v)))};
}
/// (bits(a) + 127) << 23, the float 2^n of exp_f32.
inline Lanes power_of_two(Lanes a) {
  const __m512i n = _mm512_add_epi32(_mm512_castps_si512(a.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(n, 23))};
}
inline Lanes load_bf16(const void* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
inline Lanes load_f16(const void* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)))};
}
inline Lanes load_i8(const void* p) {
  return {
      _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))))};
}

constexpr int tile_rows = 12;  // 12 x 2 accumulators, 2 weights, in 32 registers
constexpr int tile_panels = 2;

#else

struct Lanes {
  __m256 low, high;
};
struct LaneMask {
  __m256 low, high;
};

inline Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void store(float* p, Lanes a) {
  _mm256_storeu_ps(p, a.low);
  _mm256_storeu_ps(p + 8, a.high);
}
inline Lanes splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline Lanes operator+(Lanes a, Lanes b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline Lanes operator-(Lanes a, Lanes b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline Lanes operator*(Lanes a, Lanes b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline Lanes operator/(Lanes a, Lanes b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
/// b where a is NaN, as x86 defines it; the scalar form is `a > b ? a : b`.
inline Lanes max(Lanes a, Lanes b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
inline Lanes min(Lanes a, Lanes b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
inline LaneMask less(Lanes a, Lanes b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
inline Lanes select(LaneMask m, Lanes yes, Lanes no) {
  return {_mm256_blendv_ps(no.low, yes.low, m.low), _mm256_blendv_ps(no.high, yes.high, m.high)};
}
inline Lanes bits_and(Lanes a, Lanes b) {
  return {_mm256_and_ps(a.low, b.low), _mm256_and_ps(a.high, b.high)};
}
inline Lanes bits_or(Lanes a, Lanes b) {
  return {_mm256_or_ps(a.low, b.low), _mm256_or_ps(a.high, b.high)};
}
inline __m256 power_of_two(__m256 a) {
  const __m256i n = _mm256_add_epi32(_mm256_castps_si256(a), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
}
/// (bits(a) + 127) << 23, the float 2^n of exp_f32.
inline Lanes power_of_two(Lanes a) { return {power_of_two(a.low), power_of_two(a.high)}; }
inline __m256 widen_bf16(const void* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
inline Lanes load_bf16(const void* p) {
  return {widen_bf16(p), widen_bf16(static_cast<const char*>(p) + 16)};
}
inline Lanes load_f16(const void* p) {
  const auto* halves = static_cast<const __m128i*>(p);
  return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}
inline __m256 widen_i8(const void* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p))));
}
inline Lanes load_i8(const void* p) {
  return {widen_i8(p), widen_i8(static_cast<const char*>(p) + 8)};
}

constexpr int tile_rows = 6;  // 6 x 2 accumulators, 2 weights, 1 activation, in 16 registers
constexpr int tile_panels = 1;

#endif

/// The first `count` of 16 values, the rest `fill`.
inline Lanes load_part(const float* p, i64 count, float fill) {
  alignas(64) float values[16];
  for (i64 i = 0; i < 16; ++i) values[i] = i < count ? p[i] : fill;
  return load(values);
}
inline void store_part(float* p, Lanes a, i64 count) {
  alignas(64) float values[16];
  store(values, a);
  for (i64 i = 0; i < count; ++i) p[i] = values[i];
}

/// The fixed tree of backend/kernels.h.
inline float total(Lanes a) {
  alignas(64) float lanes[16];
  store(lanes, a);
  for (int width = 8; width >= 1; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

inline float highest(Lanes a) {
  alignas(64) float lanes[16];
  store(lanes, a);
  float result = lanes[0];
  for (int i = 1; i < 16; ++i) result = lanes[i] > result ? lanes[i] : result;
  return result;
}

inline Lanes sign_of(Lanes x) { return bits_and(x, splat(-0.0f)); }
inline Lanes magnitude_of(Lanes x) { return bits_and(x, splat(std::bit_cast<float>(0x7fffffffu))); }

// The functions of functions.h, step for step.

inline Lanes exp(Lanes x) {
  const Lanes clamped = min(splat(exp_highest), max(splat(exp_lowest), x));
  const Lanes shifted = fma(clamped, splat(log2_e), splat(round_magic));
  const Lanes n = shifted - splat(round_magic);
  Lanes r = fma(n, splat(-ln2_high), clamped);
  r = fma(n, splat(-ln2_low), r);
  Lanes p = splat(exp_terms[0]);
  for (int i = 1; i < 6; ++i) p = fma(p, r, splat(exp_terms[i]));
  p = fma(p, r, splat(1.0f));
  p = fma(p, r, splat(1.0f));
  return select(less(x, splat(exp_lowest)), splat(0.0f), p * power_of_two(shifted));
}

inline Lanes negate(Lanes x) { return splat(0.0f) - x; }
inline Lanes sigmoid(Lanes x) { return splat(1.0f) / (splat(1.0f) + exp(negate(x))); }

inline Lanes tanh(Lanes x) {
  const Lanes magnitude = magnitude_of(x);
  const Lanes value = splat(1.0f) - splat(2.0f) / (exp(magnitude + magnitude) + splat(1.0f));
  return bits_or(magnitude_of(value), sign_of(x));
}

inline Lanes erf(Lanes x) {
  const Lanes magnitude = magnitude_of(x);
  const Lanes t = splat(1.0f) / fma(magnitude, splat(erf_p), splat(1.0f));
  Lanes p = splat(erf_terms[7]);
  for (int i = 6; i >= 0; --i) p = fma(p, t, splat(erf_terms[i]));
  const Lanes tail = exp(negate(magnitude * magnitude)) * (p * t);
  return bits_or(magnitude_of(splat(1.0f) - tail), sign_of(x));
}

inline Lanes gelu(Lanes x) { return (x * splat(0.5f)) * (splat(1.0f) + erf(x * splat(sqrt_half))); }

inline Lanes gelu_tanh(Lanes x) {
  const Lanes inner = splat(sqrt_2_over_pi) * fma(splat(gelu_cubic) * (x * x), x, x);
  return (x * splat(0.5f)) * (splat(1.0f) + tanh(inner));
}

}  // namespace
}  // namespace medlar::backend::cpu
