// MLX: groups of 2- to 8-bit codes in a little-endian bit stream with a scale and an offset each
// (mode "affine"), or microscaled floats (modes "mxfp4", "mxfp8", "nvfp4").
#include <cmath>

#include "base/error.h"
#include "base/numeric.h"
#include "formats/quantised_layouts.h"
#include "formats/tensor_values.h"

namespace medlar::formats {
namespace {

/// Bits [first, first + bits) of a row of words.
u32 bits_at(Bytes bytes, i64 row_word, i64 first, i64 bits) {
  const i64 word = row_word + first / 32;
  const i64 shift = first % 32;
  u64 window = word_at(bytes, word);
  if (shift + bits > 32) window |= static_cast<u64>(word_at(bytes, word + 1)) << 32;
  return static_cast<u32>((window >> shift) & ((u64{1} << bits) - 1));
}

struct MlxMode {
  std::string name;
  i64 bits;
  i64 group;
};

/// FP4 (E2M1).
constexpr float fp4_values[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                  -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

float e4m3(u32 code) {
  const std::byte byte = static_cast<std::byte>(code);
  float value = 0.0f;
  dequantise(QuantFormat::f8_e4m3, {&byte, 1}, {&value, 1});
  return value;
}

float code_value(const MlxMode& mode, u32 code) {
  return mode.bits == 4 ? fp4_values[code] : e4m3(code);
}

/// The scale of a microscaled group: a power of two, or E4M3 for NVFP4.
float group_scale(const MlxMode& mode, i64 code) {
  constexpr int e8m0_bias = 127;
  if (mode.name == "nvfp4") return e4m3(static_cast<u32>(code));
  return code == 255 ? std::nanf("") : std::ldexp(1.0f, static_cast<int>(code) - e8m0_bias);
}

/// The settings of one matrix: its own entry if the file has one, else the common ones.
MlxMode mode_of(const Json& settings, const std::string& base) {
  const auto own = settings.find(base);
  const Json& chosen = own != settings.end() && own->is_object() ? *own : settings;
  MlxMode result = {.name = text_setting(chosen, "mode", "affine"),
                    .bits = setting(chosen, "bits", 4),
                    .group = setting(chosen, "group_size", 64)};
  const bool affine = result.name == "affine" && result.bits >= 2 && result.bits <= 8;
  const bool float4 = (result.name == "mxfp4" || result.name == "nvfp4") && result.bits == 4;
  const bool float8 = result.name == "mxfp8" && result.bits == 8;
  if ((!affine && !float4 && !float8) || result.group < 1) {
    fail(ErrorCode::unsupported, "MLX mode '{}' with {} bits in groups of {} is not supported",
         result.name, result.bits, result.group);
  }
  return result;
}

void join_matrix(PieceStore& pieces, const std::string& base, const MlxMode& mode) {
  const StoredTensor words = pieces.take(base + ".weight", {-1, -1});
  const i64 out = words.shape[0];
  const i64 width = words.shape[1];
  const i64 in = width * 32 / mode.bits;
  if (in % mode.group != 0) pieces.misfit(base + ".weight", "its rows are no whole groups");
  const i64 groups = in / mode.group;
  const StoredTensor scales = pieces.take(base + ".scales", {out, groups});
  std::optional<StoredTensor> biases;
  if (mode.name == "affine") biases = pieces.take(base + ".biases", {out, groups});
  if (!biases && scales.format != QuantFormat::u8)
    pieces.misfit(base + ".scales", "expected bytes");
  pieces.put_floats(base + ".weight", {out, in}, [=](std::span<float> values) {
    std::vector<float> scale, bias;
    if (biases) {
      scale = to_floats(scales);
      bias = to_floats(*biases);
    } else {
      for (const i64 code : to_integers(scales)) scale.push_back(group_scale(mode, code));
    }
    for (i64 o = 0; o < out; ++o) {
      for (i64 k = 0; k < in; ++k) {
        const auto g = static_cast<std::size_t>(o * groups + k / mode.group);
        const u32 code = bits_at(words.bytes, o * width, k * mode.bits, mode.bits);
        values[static_cast<std::size_t>(o * in + k)] =
            biases ? scale[g] * static_cast<float>(code) + bias[g]
                   : scale[g] * code_value(mode, code);
      }
    }
  });
}

}  // namespace

void join_mlx(PieceStore& pieces, const Json& quantisation) {
  for (const std::string& base : pieces.bases(".weight", {QuantFormat::u32})) {
    if (pieces.has(base + ".scales")) join_matrix(pieces, base, mode_of(quantisation, base));
  }
}

}  // namespace medlar::formats
