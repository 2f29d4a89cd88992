// Encoding by ggml's rules for the formats that need no search, so that equal values give equal
// bytes everywhere. The scale's inverse is taken from the float scale; fp16 rounding happens only
// in storing it.
#include <algorithm>
#include <cmath>

#include "base/quant_blocks.h"

namespace medlar {
namespace {

void store_f16(float value, u8* to) {
  const u16 bits = f32_to_f16(value);
  std::memcpy(to, &bits, sizeof(bits));
}

float inverse(float scale) { return scale == 0 ? 0.0f : 1.0f / scale; }

/// Integer part as a code 0..largest; a NaN is 0.
i32 code_of(float value, i32 largest) {
  if (!(value > 0)) return 0;
  return value >= static_cast<float>(largest) ? largest : static_cast<i32>(value);
}

/// The value of greatest magnitude, the first of equal ones.
float extreme_of(const float* values, i64 count) {
  float extreme = 0;
  for (i64 i = 0; i < count; ++i) {
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  }
  return extreme;
}

/// Codes of 32 values as nibbles i and i + 16; the fifth bits of the codes as a word.
u32 pack_codes(const i32* codes, u8* nibbles) {
  u32 fifth = 0;
  for (i64 i = 0; i < 16; ++i) {
    nibbles[i] = static_cast<u8>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
  }
  for (i64 i = 0; i < 32; ++i) fifth |= static_cast<u32>(codes[i] >> 4 & 1) << i;
  return fifth;
}

/// d = extreme / -half; code = trunc(x / d + half + 0.5)
float encode_symmetric(const float* values, i32 half, i32* codes) {
  const float d = extreme_of(values, 32) / static_cast<float>(-half);
  const float scale = inverse(d);
  for (i64 i = 0; i < 32; ++i) {
    codes[i] = code_of(values[i] * scale + (static_cast<float>(half) + 0.5f), 2 * half - 1);
  }
  return d;
}

struct ScaleAndOffset {
  float d;
  float m;
};

/// m = least value, d = range / largest; code = trunc((x - m) / d + 0.5)
ScaleAndOffset encode_offset(const float* values, i32 largest, i32* codes) {
  const auto [least, most] = std::minmax_element(values, values + 32);
  const float m = *least;
  const float d = (*most - m) / static_cast<float>(largest);
  const float scale = inverse(d);
  for (i64 i = 0; i < 32; ++i) codes[i] = code_of((values[i] - m) * scale + 0.5f, largest);
  return {d, m};
}

void encode_q4_0(const float* values, u8* block) {
  i32 codes[32];
  store_f16(encode_symmetric(values, 8, codes), block);
  pack_codes(codes, block + 2);
}

void encode_q5_0(const float* values, u8* block) {
  i32 codes[32];
  store_f16(encode_symmetric(values, 16, codes), block);
  const u32 fifth = pack_codes(codes, block + 6);
  std::memcpy(block + 2, &fifth, sizeof(fifth));
}

void encode_q4_1(const float* values, u8* block) {
  i32 codes[32];
  const ScaleAndOffset scale = encode_offset(values, 15, codes);
  store_f16(scale.d, block);
  store_f16(scale.m, block + 2);
  pack_codes(codes, block + 4);
}

void encode_q5_1(const float* values, u8* block) {
  i32 codes[32];
  const ScaleAndOffset scale = encode_offset(values, 31, codes);
  store_f16(scale.d, block);
  store_f16(scale.m, block + 2);
  const u32 fifth = pack_codes(codes, block + 8);
  std::memcpy(block + 4, &fifth, sizeof(fifth));
}

/// d = greatest magnitude / 127; code = x / d rounded half away from zero
void encode_q8_0(const float* values, u8* block) {
  const float d = std::fabs(extreme_of(values, 32)) / 127.0f;
  const float scale = inverse(d);
  store_f16(d, block);
  for (i64 i = 0; i < 32; ++i) {
    const float rounded = std::round(values[i] * scale);
    const float code = std::isnan(rounded) ? 0.0f : std::clamp(rounded, -127.0f, 127.0f);
    block[2 + i] = static_cast<u8>(static_cast<i8>(code));
  }
}

/// Scale 2^(floor(log2 of the greatest magnitude) - 2); the nearest code, of equally near ones the
/// lowest.
void encode_mxfp4(const float* values, u8* block) {
  const float greatest = std::fabs(extreme_of(values, 32));
  const i32 exponent = greatest > 0 && std::isfinite(greatest) ? std::ilogb(greatest) - 2 + 127 : 0;
  block[0] = static_cast<u8>(std::clamp(exponent, 0, 254));
  const float d = half_e8m0(block[0]);
  i32 codes[32];
  for (i64 i = 0; i < 32; ++i) {
    i32 best = 0;
    for (i32 code = 1; code < 16; ++code) {
      const auto error_of = [&](i32 candidate) {
        return std::fabs(d * static_cast<float>(doubled_e2m1[static_cast<std::size_t>(candidate)]) -
                         values[i]);
      };
      if (error_of(code) < error_of(best)) best = code;
    }
    codes[i] = best;
  }
  pack_codes(codes, block + 1);
}

/// d = greatest magnitude; digit = round(x / d) + 1
float encode_ternary(const float* values, i32* digits) {
  const float d = std::fabs(extreme_of(values, 256));
  const float scale = inverse(d);
  for (i64 i = 0; i < 256; ++i) digits[i] = code_of(std::round(values[i] * scale) + 1.0f, 2);
  return d;
}

void encode_tq1_0(const float* values, u8* block) {
  i32 digits[256];
  store_f16(encode_ternary(values, digits), block + 52);
  const i32* from = digits;
  const auto encode = [&](u8* bytes, i64 count, i64 length) {
    for (i64 i = 0; i < count; ++i) {
      i32 number = 0;
      for (i64 digit = 0; digit < 5; ++digit) {
        number = number * 3 + (digit < length ? from[digit * count + i] : 0);
      }
      bytes[i] = static_cast<u8>((number * 256 + 242) / 243);
    }
    from += count * length;
  };
  encode(block, 32, 5);
  encode(block + 32, 16, 5);
  encode(block + 48, 4, 4);
}

void encode_tq2_0(const float* values, u8* block) {
  i32 digits[256];
  store_f16(encode_ternary(values, digits), block + 64);
  for (i64 byte = 0; byte < 64; ++byte) {
    const i32* from = digits + byte / 32 * 128 + byte % 32;
    block[byte] = static_cast<u8>(from[0] | from[32] << 2 | from[64] << 4 | from[96] << 6);
  }
}

}  // namespace

BlockEncoder block_encoder(QuantFormat format) {
  switch (format) {
    case QuantFormat::q4_0:
      return encode_q4_0;
    case QuantFormat::q4_1:
      return encode_q4_1;
    case QuantFormat::q5_0:
      return encode_q5_0;
    case QuantFormat::q5_1:
      return encode_q5_1;
    case QuantFormat::q8_0:
      return encode_q8_0;
    case QuantFormat::mxfp4:
      return encode_mxfp4;
    case QuantFormat::tq1_0:
      return encode_tq1_0;
    case QuantFormat::tq2_0:
      return encode_tq2_0;
    default:
      return nullptr;
  }
}

}  // namespace medlar
