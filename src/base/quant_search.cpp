// Encoding of the formats whose scales are searched: K-quants and the IQ4 codebook. A group of
// values shares a scale (and an offset); candidates are tried around the one that the extreme
// values give, each refitted by weighted least squares to the codes it leads to, and the best is
// kept. The bytes are this search's own: any reader decodes them, other encoders may give others.
#include <algorithm>
#include <cmath>
#include <span>

#include "base/quant_blocks.h"

namespace medlar {
namespace {

constexpr i64 super_block = 256;

/// Values of a group with what an error of each weighs.
struct Group {
  std::span<const float> x;
  const float* weights;  ///< null: all 1

  float weight(std::size_t i) const { return weights == nullptr ? 1.0f : weights[i]; }
  Group part(i64 first, i64 count) const {
    return {x.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
            weights == nullptr ? nullptr : weights + first};
  }
};

i32 nearest_code(float value, i32 least, i32 most) {
  if (!(value > static_cast<float>(least))) return least;  // a NaN too
  return value >= static_cast<float>(most) ? most : static_cast<i32>(std::lround(value));
}

float inverse(float scale) { return scale == 0.0f ? 0.0f : 1.0f / scale; }

float as_stored_f16(float value, u8* to) {
  const u16 bits = f32_to_f16(value);
  std::memcpy(to, &bits, sizeof(bits));
  return f16_to_f32(bits);
}

/// x = scale * code - offset
struct Affine {
  float scale = 0.0f;
  float offset = 0.0f;  ///< >= 0
};

/// The least squares of x = scale * code - offset for given codes, offset >= 0.
Affine refit(const Group& group, float inverse_scale, float least, i32 most) {
  double w = 0, wq = 0, wqq = 0, wx = 0, wxq = 0;
  for (std::size_t i = 0; i < group.x.size(); ++i) {
    const double weight = group.weight(i);
    const double x = group.x[i];
    const double q = nearest_code((group.x[i] - least) * inverse_scale, 0, most);
    w += weight;
    wq += weight * q;
    wqq += weight * q * q;
    wx += weight * x;
    wxq += weight * x * q;
  }
  const double determinant = w * wqq - wq * wq;
  double scale = determinant > 0 ? (w * wxq - wx * wq) / determinant : 0.0;
  double offset = determinant > 0 ? (wq * wxq - wqq * wx) / determinant : 0.0;
  if (offset < 0 || scale < 0) {
    offset = 0;
    scale = wqq > 0 ? std::max(0.0, wxq / wqq) : 0.0;
  }
  return {static_cast<float>(scale), static_cast<float>(offset)};
}

double error_of(const Group& group, const Affine& fit, i32 most) {
  const float inverse_scale = inverse(fit.scale);
  double error = 0;
  for (std::size_t i = 0; i < group.x.size(); ++i) {
    const i32 q = nearest_code((group.x[i] + fit.offset) * inverse_scale, 0, most);
    const double d = fit.scale * static_cast<float>(q) - fit.offset - group.x[i];
    error += group.weight(i) * d * d;
  }
  return error;
}

Affine fit_affine(const Group& group, i32 most) {
  const auto [low, high] = std::minmax_element(group.x.begin(), group.x.end());
  const float least = std::min(0.0f, *low);
  const float range = *high - least;
  if (!(range > 0) || !std::isfinite(range)) return {.scale = 0.0f, .offset = -least};
  Affine best = {.scale = range / static_cast<float>(most), .offset = -least};
  double best_error = error_of(group, best, most);
  constexpr i32 steps = 8;  // a tenth of a code each: the extreme codes may be clipped
  for (i32 step = -steps; step <= steps; ++step) {
    const float codes = static_cast<float>(most) + 0.1f * static_cast<float>(step);
    const Affine fit = refit(group, codes / range, least, most);
    const double error = error_of(group, fit, most);
    if (error < best_error) {
      best = fit;
      best_error = error;
    }
  }
  return best;
}

/// Six bits each of eight scales and eight offsets in 12 bytes: the first four whole, the others
/// with their low nibbles in bytes 8..11 and their high bits above the first ones.
void pack_six_bits(const i32* scales, const i32* offsets, u8* bytes) {
  for (i64 j = 0; j < 4; ++j) {
    bytes[j] = static_cast<u8>(scales[j] | scales[j + 4] >> 4 << 6);
    bytes[j + 4] = static_cast<u8>(offsets[j] | offsets[j + 4] >> 4 << 6);
    bytes[j + 8] = static_cast<u8>((scales[j + 4] & 15) | (offsets[j + 4] & 15) << 4);
  }
}

/// Scales, offsets and codes of Q4_K and Q5_K: 8 groups of 32.
void encode_affine(const float* values, const float* weights, i32 most, u8* header, u8* codes) {
  const Group all = {{values, super_block}, weights};
  Affine fits[8];
  float scale = 0.0f;
  float offset = 0.0f;
  for (i64 g = 0; g < 8; ++g) {
    fits[g] = fit_affine(all.part(g * 32, 32), most);
    scale = std::max(scale, fits[g].scale);
    offset = std::max(offset, fits[g].offset);
  }
  const float d = as_stored_f16(scale / 63.0f, header);
  const float m = as_stored_f16(offset / 63.0f, header + 2);
  i32 scales[8];
  i32 offsets[8];
  for (i64 g = 0; g < 8; ++g) {
    scales[g] = nearest_code(fits[g].scale * inverse(d), 0, 63);
    offsets[g] = nearest_code(fits[g].offset * inverse(m), 0, 63);
    const float inverse_scale = inverse(d * static_cast<float>(scales[g]));
    const float group_offset = m * static_cast<float>(offsets[g]);
    for (i64 i = g * 32; i < g * 32 + 32; ++i)
      codes[i] = static_cast<u8>(nearest_code((values[i] + group_offset) * inverse_scale, 0, most));
  }
  pack_six_bits(scales, offsets, header + 4);
}

/// Low nibbles of groups 2k and 2k + 1 share bytes.
void pack_nibbles(const u8* codes, u8* bytes) {
  for (i64 pair = 0; pair < 4; ++pair) {
    for (i64 i = 0; i < 32; ++i) {
      bytes[pair * 32 + i] =
          static_cast<u8>((codes[pair * 64 + i] & 15) | (codes[pair * 64 + 32 + i] & 15) << 4);
    }
  }
}

void encode_q4_k(const float* values, const float* weights, u8* block) {
  u8 codes[super_block];
  encode_affine(values, weights, 15, block, codes);
  pack_nibbles(codes, block + 16);
}

void encode_q5_k(const float* values, const float* weights, u8* block) {
  u8 codes[super_block];
  encode_affine(values, weights, 31, block, codes);
  std::fill_n(block + 16, 32, u8{0});
  for (i64 i = 0; i < super_block; ++i)
    block[16 + i % 32] = static_cast<u8>(block[16 + i % 32] | codes[i] >> 4 << i / 32);
  pack_nibbles(codes, block + 48);
}

/// The codebook's entry nearest to a value, of equally near ones the first.
i32 nearest_entry(std::span<const i8> table, float value) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < table.size(); ++k) {
    if (std::fabs(static_cast<float>(table[k]) - value) <
        std::fabs(static_cast<float>(table[best]) - value))
      best = k;
  }
  return static_cast<i32>(best);
}

/// x = scale * level(code): the scale with the least weighted error. `level_of` gives the level
/// nearest to a scaled value, `extremes` are levels that the value of greatest magnitude may take.
template <typename LevelOf>
float fit_scale(const Group& group, std::initializer_list<float> extremes,
                const LevelOf& level_of) {
  const auto extreme = std::max_element(
      group.x.begin(), group.x.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  if (*extreme == 0.0f || !std::isfinite(*extreme)) return 0.0f;
  float best = 0.0f;
  double best_gain = 0.0;  // error is sum w x^2 - gain
  constexpr i32 steps = 9;
  for (const float level : extremes) {
    for (i32 step = -steps; step <= steps; ++step) {
      const float inverse_scale = level * (1.0f + 0.02f * static_cast<float>(step)) / *extreme;
      double wxl = 0, wll = 0;
      for (std::size_t i = 0; i < group.x.size(); ++i) {
        const double l = level_of(group.x[i] * inverse_scale);
        wxl += group.weight(i) * group.x[i] * l;
        wll += group.weight(i) * l * l;
      }
      if (wll > 0 && wxl * wxl / wll > best_gain) {
        best_gain = wxl * wxl / wll;
        best = static_cast<float>(wxl / wll);
      }
    }
  }
  return best;
}

float largest_magnitude(std::span<const float> values) {
  float largest = 0.0f;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

void encode_q6_k(const float* values, const float* weights, u8* block) {
  const Group all = {{values, super_block}, weights};
  const auto level_of = [](float x) { return static_cast<float>(nearest_code(x, -32, 31)); };
  float scales[16];
  for (i64 g = 0; g < 16; ++g)
    scales[g] = fit_scale(all.part(g * 16, 16), {-32.0f, 31.0f}, level_of);
  const float d = as_stored_f16(largest_magnitude(scales) / 127.0f, block + 208);
  i32 codes[super_block];
  for (i64 g = 0; g < 16; ++g) {
    const i32 scale = nearest_code(scales[g] * inverse(d), -127, 127);
    block[192 + g] = static_cast<u8>(static_cast<i8>(scale));
    const float inverse_scale = inverse(d * static_cast<float>(scale));
    for (i64 i = g * 16; i < g * 16 + 16; ++i)
      codes[i] = nearest_code(values[i] * inverse_scale, -32, 31) + 32;
  }
  for (i64 half = 0; half < 2; ++half) {
    const i32* q = codes + half * 128;
    for (i64 i = 0; i < 32; ++i) {
      u8* low = block + half * 64 + i;
      low[0] = static_cast<u8>((q[i] & 15) | (q[i + 64] & 15) << 4);
      low[32] = static_cast<u8>((q[i + 32] & 15) | (q[i + 96] & 15) << 4);
      block[128 + half * 32 + i] = static_cast<u8>(q[i] >> 4 | q[i + 32] >> 4 << 2 |
                                                   q[i + 64] >> 4 << 4 | q[i + 96] >> 4 << 6);
    }
  }
}

float fit_codebook(const Group& group) {
  return fit_scale(group, {iq4_values.front(), iq4_values.back()}, [](float x) {
    return static_cast<float>(iq4_values[static_cast<std::size_t>(nearest_entry(iq4_values, x))]);
  });
}

/// Codes of 32 values as nibbles i and i + 16.
void pack_codebook(const float* values, float scale, u8* bytes) {
  const float inverse_scale = inverse(scale);
  for (i64 i = 0; i < 16; ++i) {
    bytes[i] = static_cast<u8>(nearest_entry(iq4_values, values[i] * inverse_scale) |
                               nearest_entry(iq4_values, values[i + 16] * inverse_scale) << 4);
  }
}

void encode_iq4_nl(const float* values, const float* weights, u8* block) {
  const float d = as_stored_f16(fit_codebook({{values, 32}, weights}), block);
  pack_codebook(values, d, block + 2);
}

void encode_iq4_xs(const float* values, const float* weights, u8* block) {
  const Group all = {{values, super_block}, weights};
  float scales[8];
  for (i64 g = 0; g < 8; ++g) scales[g] = fit_codebook(all.part(g * 32, 32));
  const float d = as_stored_f16(largest_magnitude(scales) / 31.0f, block);
  u32 high = 0;
  std::fill_n(block + 4, 4, u8{0});
  for (i64 g = 0; g < 8; ++g) {
    const i32 code = nearest_code(scales[g] * inverse(d), -32, 31) + 32;
    block[4 + g / 2] = static_cast<u8>(block[4 + g / 2] | (code & 15) << (g % 2 * 4));
    high |= static_cast<u32>(code >> 4) << (g * 2);
    pack_codebook(values + g * 32, d * static_cast<float>(code - 32), block + 8 + g * 16);
  }
  const u16 stored = static_cast<u16>(high);
  std::memcpy(block + 2, &stored, sizeof(stored));
}

}  // namespace

SearchingEncoder searching_encoder(QuantFormat format) {
  switch (format) {
    case QuantFormat::q4_k:
      return encode_q4_k;
    case QuantFormat::q5_k:
      return encode_q5_k;
    case QuantFormat::q6_k:
      return encode_q6_k;
    case QuantFormat::iq4_nl:
      return encode_iq4_nl;
    case QuantFormat::iq4_xs:
      return encode_iq4_xs;
    default:
      return nullptr;
  }
}

}  // namespace medlar
