// What one block of each format means. A block is given with its fields in the order of storage;
// x[i] is the value i, d and m are fp16 unless another type is named, and every product and sum
// rounds to float.
#include "base/error.h"
#include "base/quant_blocks.h"

namespace medlar {
namespace {

// Formats of 32 values: nibble i of the low half is x[i], of the high half x[i + 16].

/// d, 16 bytes of nibbles: x = d * (q - 8)
void decode_q4_0(const u8* block, float* x) {
  const float d = load_f16(block);
  const u8* nibbles = block + 2;
  for (i64 i = 0; i < 16; ++i) {
    x[i] = d * static_cast<float>((nibbles[i] & 15) - 8);
    x[i + 16] = d * static_cast<float>((nibbles[i] >> 4) - 8);
  }
}

/// d, m, 16 bytes of nibbles: x = d * q + m
void decode_q4_1(const u8* block, float* x) {
  const float d = load_f16(block);
  const float m = load_f16(block + 2);
  const u8* nibbles = block + 4;
  for (i64 i = 0; i < 16; ++i) {
    x[i] = d * static_cast<float>(nibbles[i] & 15) + m;
    x[i + 16] = d * static_cast<float>(nibbles[i] >> 4) + m;
  }
}

/// Fifth bits (bit i of the word belongs to x[i]) and nibbles -> 0..31.
void unpack_5_bits(const u8* block, i32* q) {
  const u32 fifth = load<u32>(block);
  const u8* nibbles = block + 4;
  for (i64 i = 0; i < 16; ++i) {
    q[i] = (nibbles[i] & 15) | static_cast<i32>((fifth >> i & 1u) << 4);
    q[i + 16] = (nibbles[i] >> 4) | static_cast<i32>((fifth >> (i + 16) & 1u) << 4);
  }
}

/// d, u32 of fifth bits, 16 bytes of nibbles: x = d * (q - 16)
void decode_q5_0(const u8* block, float* x) {
  const float d = load_f16(block);
  i32 q[32];
  unpack_5_bits(block + 2, q);
  for (i64 i = 0; i < 32; ++i) x[i] = d * static_cast<float>(q[i] - 16);
}

/// d, m, u32 of fifth bits, 16 bytes of nibbles: x = d * q + m
void decode_q5_1(const u8* block, float* x) {
  const float d = load_f16(block);
  const float m = load_f16(block + 2);
  i32 q[32];
  unpack_5_bits(block + 4, q);
  for (i64 i = 0; i < 32; ++i) x[i] = d * static_cast<float>(q[i]) + m;
}

void decode_8_bits(const u8* q, i64 count, float d, float* x) {
  for (i64 i = 0; i < count; ++i) x[i] = d * static_cast<float>(static_cast<i8>(q[i]));
}

/// d, 32 i8: x = d * q
void decode_q8_0(const u8* block, float* x) { decode_8_bits(block + 2, 32, load_f16(block), x); }

/// d, the fp16 sum of the values, 32 i8: x = d * q
void decode_q8_1(const u8* block, float* x) { decode_8_bits(block + 4, 32, load_f16(block), x); }

/// d as float, 256 i8, sums of 16 as i16: x = d * q
void decode_q8_k(const u8* block, float* x) {
  decode_8_bits(block + 4, 256, load<float>(block), x);
}

/// 16 bytes of nibbles i and i + 16 through a table of 16 integers.
void decode_by_table(const u8* nibbles, const std::array<i8, 16>& table, float d, float* x) {
  for (i64 i = 0; i < 16; ++i) {
    x[i] = d * static_cast<float>(table[nibbles[i] & 15]);
    x[i + 16] = d * static_cast<float>(table[nibbles[i] >> 4]);
  }
}

/// d, 16 bytes of nibbles: x = d * iq4_values[q]
void decode_iq4_nl(const u8* block, float* x) {
  decode_by_table(block + 2, iq4_values, load_f16(block), x);
}

/// An E8M0 scale, 16 bytes of E2M1 codes.
void decode_mxfp4(const u8* block, float* x) {
  decode_by_table(block + 1, doubled_e2m1, half_e8m0(block[0]), x);
}

/// Four E4M3 scales without sign, each for 16 values in 8 bytes of E2M1 codes (i and i + 8).
void decode_nvfp4(const u8* block, float* x) {
  for (i64 part = 0; part < 4; ++part) {
    const u8 scale = block[part];
    // ggml reads the NaN code as 0 and ignores bit 7.
    const float d = scale == 0x7f ? 0.0f : small_float_to_f32(scale & 0x7f, 3, 7) * 0.5f;
    const u8* codes = block + 4 + part * 8;
    for (i64 i = 0; i < 8; ++i) {
      x[part * 16 + i] = d * static_cast<float>(doubled_e2m1[codes[i] & 15]);
      x[part * 16 + i + 8] = d * static_cast<float>(doubled_e2m1[codes[i] >> 4]);
    }
  }
}

// Formats of 256 values.

/// 16 bytes (4 bits of scale, 4 of minimum), 64 bytes of 2-bit q, d, m. Groups of 16 values:
/// x = (d * scale) * q - (m * minimum). Byte i of half h holds x[128 h + 32 s + i] at bit 2 s.
void decode_q2_k(const u8* block, float* x) {
  const u8* scales = block;
  const u8* quants = block + 16;
  const float d = load_f16(block + 80);
  const float m = load_f16(block + 82);
  for (i64 group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(scales[group] & 15);
    const float minimum = m * static_cast<float>(scales[group] >> 4);
    const u8* bytes = quants + group / 8 * 32 + group % 2 * 16;
    const i64 shift = group % 8 / 2 * 2;
    for (i64 i = 0; i < 16; ++i) {
      x[group * 16 + i] = scale * static_cast<float>((bytes[i] >> shift) & 3) - minimum;
    }
  }
}

/// 32 bytes of third bits, 64 bytes of 2-bit q as in Q2_K, 12 bytes of 6-bit scales, d. Groups of
/// 16: x = (d * (scale - 32)) * (q - 4 unless the third bit is set). Third bit: byte i, bit group
/// / 2.
void decode_q3_k(const u8* block, float* x) {
  const u8* third = block;
  const u8* quants = block + 32;
  const u8* scales = block + 96;
  const float d = load_f16(block + 108);
  for (i64 group = 0; group < 16; ++group) {
    const i32 low = (scales[group % 8] >> (group / 8 * 4)) & 15;
    const i32 high = (scales[8 + group % 4] >> (group / 4 * 2)) & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    const u8* bytes = quants + group / 8 * 32 + group % 2 * 16;
    const u8* bits = third + group % 2 * 16;
    const i64 shift = group % 8 / 2 * 2;
    for (i64 i = 0; i < 16; ++i) {
      const i32 q = (bytes[i] >> shift) & 3;
      const i32 offset = (bits[i] >> (group / 2) & 1) != 0 ? 0 : 4;
      x[group * 16 + i] = scale * static_cast<float>(q - offset);
    }
  }
}

struct ScaleAndMinimum {
  float scale;
  float minimum;
};

/// The 6-bit scale and minimum of group 0..7 in the 12 bytes of Q4_K and Q5_K: groups 0..3 lie in
/// the low six bits of bytes 0..7, groups 4..7 in nibbles of bytes 8..11 and the top bits of bytes
/// 0..7.
ScaleAndMinimum scale_and_minimum(const u8* packed, i64 group) {
  if (group < 4) {
    return {static_cast<float>(packed[group] & 63), static_cast<float>(packed[group + 4] & 63)};
  }
  const i32 scale = (packed[group + 4] & 15) | packed[group - 4] >> 6 << 4;
  const i32 minimum = packed[group + 4] >> 4 | packed[group] >> 6 << 4;
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

/// d, m, 12 bytes of scales and minima, 128 bytes of nibbles. Groups of 32 (low nibbles of 32
/// bytes, then high ones): x = (d * scale) * q - (m * minimum)
void decode_q4_k(const u8* block, float* x) {
  const float d = load_f16(block);
  const float m = load_f16(block + 2);
  for (i64 group = 0; group < 8; ++group) {
    const ScaleAndMinimum packed = scale_and_minimum(block + 4, group);
    const float scale = d * packed.scale;
    const float minimum = m * packed.minimum;
    const u8* bytes = block + 16 + group / 2 * 32;
    for (i64 i = 0; i < 32; ++i) {
      const i32 q = (bytes[i] >> (group % 2 * 4)) & 15;
      x[group * 32 + i] = scale * static_cast<float>(q) - minimum;
    }
  }
}

/// As Q4_K with 32 bytes of fifth bits (byte i, bit group) before the nibbles.
void decode_q5_k(const u8* block, float* x) {
  const float d = load_f16(block);
  const float m = load_f16(block + 2);
  const u8* fifth = block + 16;
  for (i64 group = 0; group < 8; ++group) {
    const ScaleAndMinimum packed = scale_and_minimum(block + 4, group);
    const float scale = d * packed.scale;
    const float minimum = m * packed.minimum;
    const u8* bytes = block + 48 + group / 2 * 32;
    for (i64 i = 0; i < 32; ++i) {
      const i32 q = ((bytes[i] >> (group % 2 * 4)) & 15) | (fifth[i] >> group & 1) << 4;
      x[group * 32 + i] = scale * static_cast<float>(q) - minimum;
    }
  }
}

/// 128 bytes of low nibbles, 64 bytes of the two high bits, 16 i8 scales, d. In half h, part p of
/// 32 values: nibble from byte 64 h + 32 (p % 2) + i, shift 4 (p / 2); high bits from byte 32 h +
/// i, shift 2 p. Groups of 16: x = (d * scale) * (q - 32)
void decode_q6_k(const u8* block, float* x) {
  const u8* scales = block + 192;
  const float d = load_f16(block + 208);
  for (i64 part = 0; part < 8; ++part) {
    const u8* low = block + part / 4 * 64 + part % 2 * 32;
    const u8* high = block + 128 + part / 4 * 32;
    for (i64 i = 0; i < 32; ++i) {
      const i32 q = ((low[i] >> (part % 4 / 2 * 4)) & 15) | ((high[i] >> (part % 4 * 2)) & 3) << 4;
      const float scale = d * static_cast<float>(static_cast<i8>(scales[part * 2 + i / 16]));
      x[part * 32 + i] = scale * static_cast<float>(q - 32);
    }
  }
}

/// d, u16 of high scale bits, 4 bytes of low scale nibbles, 128 bytes of nibbles. Groups of 32:
/// x = (d * (scale - 32)) * iq4_values[q]
void decode_iq4_xs(const u8* block, float* x) {
  const float d = load_f16(block);
  const u32 high = load<u16>(block + 2);
  for (i64 group = 0; group < 8; ++group) {
    const i32 low = (block[4 + group / 2] >> (group % 2 * 4)) & 15;
    const i32 scale = low | static_cast<i32>((high >> (group * 2) & 3u) << 4);
    decode_by_table(block + 8 + group * 16, iq4_values, d * static_cast<float>(scale - 32),
                    x + group * 32);
  }
}

/// 48 bytes of five base-3 digits (32 bytes for x[0..159], 16 for x[160..239]), 4 bytes of four
/// digits, d: x = d * (digit - 1). The fraction byte / 256 in base 3 begins with the digits in
/// order.
void decode_tq1_0(const u8* block, float* x) {
  const float d = load_f16(block + 52);
  const auto decode = [&](const u8* bytes, i64 count, i64 digits) {
    u8 power = 1;
    for (i64 digit = 0; digit < digits; ++digit) {
      for (i64 i = 0; i < count; ++i) {
        const u8 shifted = static_cast<u8>(bytes[i] * power);
        *x++ = d * static_cast<float>((shifted * 3 >> 8) - 1);
      }
      power = static_cast<u8>(power * 3);
    }
  };
  decode(block, 32, 5);
  decode(block + 32, 16, 5);
  decode(block + 48, 4, 4);
}

/// 64 bytes of 2-bit q as in Q2_K, d: x = d * (q - 1)
void decode_tq2_0(const u8* block, float* x) {
  const float d = load_f16(block + 64);
  for (i64 part = 0; part < 8; ++part) {
    const u8* bytes = block + part / 4 * 32;
    for (i64 i = 0; i < 32; ++i) {
      x[part * 32 + i] = d * static_cast<float>(((bytes[i] >> (part % 4 * 2)) & 3) - 1);
    }
  }
}

}  // namespace

BlockDecoder block_decoder(QuantFormat format) {
  switch (format) {
    case QuantFormat::q4_0:
      return decode_q4_0;
    case QuantFormat::q4_1:
      return decode_q4_1;
    case QuantFormat::q5_0:
      return decode_q5_0;
    case QuantFormat::q5_1:
      return decode_q5_1;
    case QuantFormat::q8_0:
      return decode_q8_0;
    case QuantFormat::q8_1:
      return decode_q8_1;
    case QuantFormat::q2_k:
      return decode_q2_k;
    case QuantFormat::q3_k:
      return decode_q3_k;
    case QuantFormat::q4_k:
      return decode_q4_k;
    case QuantFormat::q5_k:
      return decode_q5_k;
    case QuantFormat::q6_k:
      return decode_q6_k;
    case QuantFormat::q8_k:
      return decode_q8_k;
    case QuantFormat::iq4_nl:
      return decode_iq4_nl;
    case QuantFormat::iq4_xs:
      return decode_iq4_xs;
    case QuantFormat::tq1_0:
      return decode_tq1_0;
    case QuantFormat::tq2_0:
      return decode_tq2_0;
    case QuantFormat::mxfp4:
      return decode_mxfp4;
    case QuantFormat::nvfp4:
      return decode_nvfp4;
    default:
      break;
  }
  const BlockDecoder decoder = codebook_decoder(format);
  MEDLAR_CHECK(decoder != nullptr);
  return decoder;
}

}  // namespace medlar
