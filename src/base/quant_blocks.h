#pragma once

#include <array>
#include <cstring>

#include "base/numeric.h"
#include "base/quant.h"

/// Block by block decoding and encoding; private to base/quant*.cpp.
namespace medlar {

/// Decodes one block of a format to its values.
using BlockDecoder = void (*)(const u8* block, float* values);
/// Encodes the values of one block.
using BlockEncoder = void (*)(const float* values, u8* block);

/// Never null for a block format; a plain format is a broken invariant.
BlockDecoder block_decoder(QuantFormat format);
/// Null for a format that none of these encodes.
BlockEncoder block_encoder(QuantFormat format);

/// Encodes one block with the least error, each value's error times its weight (null: all alike).
using SearchingEncoder = void (*)(const float* values, const float* weights, u8* block);

/// Null for a format whose scales are not searched.
SearchingEncoder searching_encoder(QuantFormat format);

/// Decoder of a format that looks its values up in a codebook (IQ1, IQ2, IQ3); null for another.
BlockDecoder codebook_decoder(QuantFormat format);

/// The values of IQ4_NL and IQ4_XS, by code.
constexpr std::array<i8, 16> iq4_values{-127, -104, -83, -65, -49, -35, -22, -10,
                                        1,    13,   25,  38,  53,  69,  89,  113};

/// Twice the values of OCP E2M1, by code.
constexpr std::array<i8, 16> doubled_e2m1{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// Half of an E8M0 scale, the factor of doubled_e2m1; ggml reads 255 as a number too.
inline float half_e8m0(u8 bits) {
  const u32 pattern = bits < 2 ? u32{0x00200000} << bits : static_cast<u32>(bits - 1) << 23;
  return std::bit_cast<float>(pattern);
}

template <typename T>
T load(const u8* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

inline float load_f16(const u8* from) { return f16_to_f32(load<u16>(from)); }

}  // namespace medlar
