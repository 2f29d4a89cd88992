// Formats whose values are points of a codebook times a scale: groups of 32 values, four (IQ1, IQ2)
// or eight (IQ3) points each.
#include <bit>

#include "base/quant_blocks.h"
#include "base/quant_tables.h"

namespace medlar {
namespace {

constexpr float iq1_delta = 0.125f;

/// Seven sign bits and an eighth that makes their number even.
u32 even_signs(u32 seven) { return seven | (static_cast<u32>(std::popcount(seven)) & 1u) << 7; }

/// Eight values d * level, negative where the sign bit is set.
void decode_iq2_point(u32 point, u32 signs, float d, float* x) {
  for (i64 i = 0; i < 8; ++i) {
    const float value = d * static_cast<float>(iq2_levels[point >> (2 * i) & 3u]);
    x[i] = (signs >> i & 1u) != 0 ? -value : value;
  }
}

/// d, per group of 32: four bytes (points), u32 (four times seven signs, 4 bits of scale).
void decode_iq2_xxs(const u8* block, float* x) {
  const float d = load_f16(block);
  for (i64 group = 0; group < 8; ++group) {
    const u8* points = block + 2 + group * 8;
    const u32 word = load<u32>(points + 4);
    const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.25f;
    for (i64 i = 0; i < 4; ++i) {
      decode_iq2_point(iq2_xxs_grid[points[i]], even_signs(word >> (7 * i) & 127u), scale,
                       x + group * 32 + i * 8);
    }
  }
}

/// d, 32 u16 (9 bits of point, seven signs), 8 bytes of scale nibbles for 16 values each.
void decode_iq2_xs(const u8* block, float* x) {
  const float d = load_f16(block);
  for (i64 i = 0; i < 32; ++i) {
    const u32 word = load<u16>(block + 2 + i * 2);
    const u32 nibble = (block[66 + i / 4] >> (i / 2 % 2 * 4)) & 15u;
    const float scale = d * (0.5f + static_cast<float>(nibble)) * 0.25f;
    decode_iq2_point(iq2_xs_grid[word & 511u], even_signs(word >> 9), scale, x + i * 8);
  }
}

/// d, 32 bytes (low bits of points), 32 bytes of signs, 8 bytes of high bits, 8 bytes of scale
/// nibbles.
void decode_iq2_s(const u8* block, float* x) {
  const float d = load_f16(block);
  const u8* low = block + 2;
  const u8* signs = block + 34;
  const u8* high = block + 66;
  const u8* scales = block + 74;
  for (i64 i = 0; i < 32; ++i) {
    const u32 nibble = (scales[i / 4] >> (i / 2 % 2 * 4)) & 15u;
    const float scale = d * (0.5f + static_cast<float>(nibble)) * 0.25f;
    const u32 point = low[i] | (high[i / 4] >> (i % 4 * 2) & 3u) << 8;
    decode_iq2_point(iq2_s_grid[point], signs[i], scale, x + i * 8);
  }
}

/// d, 64 bytes of points, 8 u32 (four times seven signs, 4 bits of scale).
void decode_iq3_xxs(const u8* block, float* x) {
  const float d = load_f16(block);
  const u8* points = block + 2;
  for (i64 group = 0; group < 8; ++group) {
    const u32 word = load<u32>(block + 66 + group * 4);
    const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
    for (i64 i = 0; i < 32; ++i) {
      const u32 signs = even_signs(word >> (i / 8 * 7) & 127u);
      const u32 point = iq3_xxs_grid[points[group * 8 + i / 4]];
      const float value = scale * static_cast<float>(iq3_xxs_levels[point >> (i % 4 * 3) & 7u]);
      x[group * 32 + i] = (signs >> (i % 8) & 1u) != 0 ? -value : value;
    }
  }
}

/// d, 64 bytes (low bits of points), 8 bytes of ninth bits, 32 bytes of signs, 4 bytes of scale
/// nibbles.
void decode_iq3_s(const u8* block, float* x) {
  const float d = load_f16(block);
  const u8* low = block + 2;
  const u8* high = block + 66;
  const u8* signs = block + 74;
  const u8* scales = block + 106;
  for (i64 group = 0; group < 8; ++group) {
    const u32 nibble = (scales[group / 2] >> (group % 2 * 4)) & 15u;
    const float scale = d * static_cast<float>(1 + 2 * nibble);
    for (i64 i = 0; i < 32; ++i) {
      const u32 point = iq3_s_grid[low[group * 8 + i / 4] | (high[group] >> (i / 4) & 1u) << 8];
      const float value = scale * static_cast<float>(2 * (point >> (i % 4 * 3) & 7u) + 1);
      x[group * 32 + i] = (signs[group * 4 + i / 8] >> (i % 8) & 1) != 0 ? -value : value;
    }
  }
}

/// Eight values d * (-1, 0 or 1, plus delta).
void decode_iq1_point(u32 point, float delta, float d, float* x) {
  for (i64 i = 0; i < 8; ++i) {
    const i32 digit = static_cast<i32>(point >> (2 * i) & 3u) - 1;
    x[i] = d * (static_cast<float>(digit) + delta);
  }
}

/// d, 32 bytes (low bits of points), 8 u16 (four times three high bits, 3 bits of scale, sign of
/// delta).
void decode_iq1_s(const u8* block, float* x) {
  const float d = load_f16(block);
  for (i64 group = 0; group < 8; ++group) {
    const u32 word = load<u16>(block + 34 + group * 2);
    const float scale = d * static_cast<float>(2 * (word >> 12 & 7u) + 1);
    const float delta = (word & 0x8000u) != 0 ? -iq1_delta : iq1_delta;
    for (i64 i = 0; i < 4; ++i) {
      const u32 point = u32{block[2 + group * 4 + i]} | (word >> (3 * i) & 7u) << 8;
      decode_iq1_point(iq1_grid[point], delta, scale, x + group * 32 + i * 8);
    }
  }
}

/// 32 bytes (low bits of points), 16 bytes of nibbles (three high bits, sign of delta), 4 u16 (four
/// times 3 bits of scale for 16 values; the top nibbles together are d).
void decode_iq1_m(const u8* block, float* x) {
  u32 d_bits = 0;
  for (i64 word = 0; word < 4; ++word) {
    d_bits |= u32{load<u16>(block + 48 + word * 2)} >> 12u << static_cast<u32>(word * 4);
  }
  const float d = f16_to_f32(static_cast<u16>(d_bits));
  for (i64 i = 0; i < 32; ++i) {
    const u32 scales = load<u16>(block + 48 + i / 8 * 2);
    const float scale = d * static_cast<float>(2 * (scales >> (i / 2 % 4 * 3) & 7u) + 1);
    const u32 nibble = (block[32 + i / 2] >> (i % 2 * 4)) & 15u;
    const float delta = (nibble & 8u) != 0 ? -iq1_delta : iq1_delta;
    decode_iq1_point(iq1_grid[block[i] | (nibble & 7u) << 8], delta, scale, x + i * 8);
  }
}

}  // namespace

BlockDecoder codebook_decoder(QuantFormat format) {
  switch (format) {
    case QuantFormat::iq1_s:
      return decode_iq1_s;
    case QuantFormat::iq1_m:
      return decode_iq1_m;
    case QuantFormat::iq2_xxs:
      return decode_iq2_xxs;
    case QuantFormat::iq2_xs:
      return decode_iq2_xs;
    case QuantFormat::iq2_s:
      return decode_iq2_s;
    case QuantFormat::iq3_xxs:
      return decode_iq3_xxs;
    case QuantFormat::iq3_s:
      return decode_iq3_s;
    default:
      return nullptr;
  }
}

}  // namespace medlar
