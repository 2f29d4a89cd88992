#pragma once

#include <bit>
#include <cmath>

#include "base/types.h"

/// The scalar definition of the elementary functions, step by step as the vector kernels take them
/// (backend/cpu/lanes.h), so that both give the same bits. Not libm: its results differ from one
/// processor to the next. `static`: compiled for one instruction set, never linked into another.
namespace medlar::backend::cpu {

constexpr float exp_lowest = -87.0f;  // below: 0; 2^-126 is the smallest normal float
constexpr float exp_highest = 88.0f;  // above: exp(88), 1.7e38
constexpr float log2_e = 1.44269504f;
constexpr float ln2_high = 0.693145752f;  // 15 bits, so that n * ln2_high is exact
constexpr float ln2_low = 1.42860677e-06f;
constexpr float round_magic = 12582912.0f;  // 1.5 * 2^23: adding it leaves round(x) in the low bits
/// Taylor coefficients 1/7! .. 1/2!; the rest on |r| <= ln2 / 2 is below 6e-9.
constexpr float exp_terms[] = {1.98412698e-4f, 1.38888889e-3f, 8.33333333e-3f,
                               4.16666667e-2f, 1.66666667e-1f, 5.0e-1f};

static inline float exp_f32(float x) {
  float clamped = x < exp_lowest ? exp_lowest : x;
  clamped = clamped > exp_highest ? exp_highest : clamped;
  const float shifted = std::fma(clamped, log2_e, round_magic);
  const float n = shifted - round_magic;
  float r = std::fma(n, -ln2_high, clamped);
  r = std::fma(n, -ln2_low, r);
  float p = exp_terms[0];
  for (int i = 1; i < 6; ++i) p = std::fma(p, r, exp_terms[i]);
  p = std::fma(p, r, 1.0f);
  p = std::fma(p, r, 1.0f);
  const float power = std::bit_cast<float>((std::bit_cast<u32>(shifted) + 127u) << 23);
  return x < exp_lowest ? 0.0f : p * power;
}

static inline float sigmoid_f32(float x) { return 1.0f / (1.0f + exp_f32(-x)); }

/// 1 - 2 / (exp(2|x|) + 1) with the sign of x; absolute error below 2e-7.
static inline float tanh_f32(float x) {
  const float magnitude = std::fabs(x);
  const float value = 1.0f - 2.0f / (exp_f32(magnitude + magnitude) + 1.0f);
  return std::copysign(value, x);
}

/// erf(x) = 1 - exp(-x^2) t (c_1 + c_2 t + ... + c_8 t^7), t = 1 / (1 + p x), x >= 0: the form of
/// Abramowitz and Stegun 7.1.26 with eight terms fitted for this file by weighted least squares;
/// absolute error of the formula below 4e-10.
constexpr float erf_p = 0.5f;
constexpr float erf_terms[8] = {0.2851980235f, 0.2456014315f,  0.4322450604f, -0.3500075775f,
                                0.9763691062f, -0.8787582718f, 0.3404610988f, -0.05110887074f};

static inline float erf_f32(float x) {
  const float magnitude = std::fabs(x);
  const float t = 1.0f / std::fma(magnitude, erf_p, 1.0f);
  float p = erf_terms[7];
  for (int i = 6; i >= 0; --i) p = std::fma(p, t, erf_terms[i]);
  const float tail = exp_f32(-(magnitude * magnitude)) * (p * t);
  return std::copysign(1.0f - tail, x);
}

constexpr float sqrt_half = 0.707106781f;
constexpr float sqrt_2_over_pi = 0.797884561f;
constexpr float inverse_sqrt_2_pi = 0.398942280f;
constexpr float gelu_cubic = 0.044715f;

/// Hendrycks and Gimpel 2016 (arXiv 1606.08415), exact form.
static inline float gelu_f32(float x) { return (x * 0.5f) * (1.0f + erf_f32(x * sqrt_half)); }

/// The tanh approximation of the same paper.
static inline float gelu_tanh_f32(float x) {
  const float inner = sqrt_2_over_pi * std::fma(gelu_cubic * (x * x), x, x);
  return (x * 0.5f) * (1.0f + tanh_f32(inner));
}

}  // namespace medlar::backend::cpu
