// The block formats and small floats against the reference vectors.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/numeric.h"
#include "base/quant.h"
#include "formats/checkpoint.h"
#include "shared_data.h"

namespace medlar::formats {
namespace {

Checkpoint open_golden(const std::string& name) {
  return open_checkpoint(tests::shared_folder() / "golden" / name);
}

std::vector<float> floats_of(const StoredTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.count()));
  dequantise(tensor.format, tensor.bytes, values);
  return values;
}

/// Index of the first difference in bits, any two NaNs being equal; -1 if there is none.
i64 first_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::bit_cast<u32>(a[i]) != std::bit_cast<u32>(b[i])) return static_cast<i64>(i);
  }
  return -1;
}

TEST(QuantGolden, EveryFormatDecodesToEqualBits) {
  MEDLAR_NEEDS_SHARED();
  const Checkpoint golden = open_golden("gguf_blocks.safetensors");
  i64 formats = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    if (!name.ends_with(".blocks")) continue;
    const std::string type = name.substr(0, name.size() - 7);
    const std::optional<QuantFormat> format = quant_format_named(type);
    ASSERT_TRUE(format) << type;
    const std::vector<float> expected = floats_of(golden.at(type + ".values"));
    std::vector<float> values(expected.size());
    dequantise(*format, tensor.bytes, values);
    const i64 at = first_difference(values, expected);
    const std::size_t place = static_cast<std::size_t>(std::max(at, i64{0}));
    EXPECT_EQ(at, -1) << type << ": " << values[place] << " expected " << expected[place];
    ++formats;
  }
  EXPECT_EQ(formats, 25);
}

TEST(QuantGolden, EveryDeterministicFormatEncodesToEqualBytes) {
  MEDLAR_NEEDS_SHARED();
  const Checkpoint golden = open_golden("gguf_quantise.safetensors");
  i64 formats = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    if (!name.ends_with(".blocks")) continue;
    const std::string type = name.substr(0, name.size() - 7);
    const std::optional<QuantFormat> format = quant_format_named(type);
    ASSERT_TRUE(format && can_quantise(*format)) << type;
    const std::vector<float> input = floats_of(golden.at(type + ".input"));
    std::vector<std::byte> blocks(tensor.bytes.size());
    quantise(*format, input, blocks);
    const auto differing = std::mismatch(blocks.begin(), blocks.end(), tensor.bytes.begin());
    EXPECT_TRUE(differing.first == blocks.end())
        << type << " differs at byte " << differing.first - blocks.begin() << " of blocks of "
        << layout_of(*format).block_bytes;
    ++formats;
  }
  EXPECT_EQ(formats, 9);
}

TEST(NumericGolden, EveryCodeDecodes) {
  MEDLAR_NEEDS_SHARED();
  const Checkpoint golden = open_golden("numeric_formats.safetensors");
  const auto decode_all = [](float (*decode)(u8)) {
    std::vector<float> values;
    for (i32 code = 0; code < 256; ++code) values.push_back(decode(static_cast<u8>(code)));
    return values;
  };
  EXPECT_EQ(first_difference(decode_all(f8_e4m3_to_f32), floats_of(golden.at("e4m3fn_values"))),
            -1);
  EXPECT_EQ(first_difference(decode_all(f8_e5m2_to_f32), floats_of(golden.at("e5m2_values"))), -1);
  EXPECT_EQ(first_difference(decode_all(e8m0_to_f32), floats_of(golden.at("e8m0_values"))), -1);
  const StoredTensor& codes = golden.at("fp16_decode_codes");
  std::vector<float> halves(static_cast<std::size_t>(codes.shape.count()));
  dequantise(QuantFormat::f16, codes.bytes, halves);
  EXPECT_EQ(first_difference(halves, floats_of(golden.at("fp16_decode_values"))), -1);
}

TEST(NumericGolden, EveryInputRounds) {
  MEDLAR_NEEDS_SHARED();
  const Checkpoint golden = open_golden("numeric_formats.safetensors");
  const auto check = [&](const std::string& input, const std::string& codes, auto encode,
                         auto decode) {
    const std::vector<float> values = floats_of(golden.at(input));
    const std::vector<float> expected = floats_of(golden.at(codes));
    ASSERT_EQ(values.size(), expected.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto code = encode(values[i]);
      if (std::isnan(values[i]) && std::isnan(decode(code))) continue;
      EXPECT_EQ(static_cast<float>(code), expected[i]) << codes << " of " << values[i];
    }
  };
  check("e4m3fn_input", "e4m3fn_codes_saturating", f32_to_f8_e4m3, f8_e4m3_to_f32);
  check("e5m2_input", "e5m2_codes_saturating", f32_to_f8_e5m2, f8_e5m2_to_f32);
  check("e8m0_input", "e8m0_codes_floor", f32_to_e8m0_floor, e8m0_to_f32);
  check("e8m0_input", "e8m0_codes_torch", f32_to_e8m0, e8m0_to_f32);
  check("fp16_input", "fp16_codes", f32_to_f16, f16_to_f32);
  check("bf16_input", "bf16_codes", f32_to_bf16, bf16_to_f32);
}

}  // namespace
}  // namespace medlar::formats
