#include "base/quant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/rng.h"

namespace medlar {
namespace {

constexpr QuantFormat last_format = QuantFormat::nvfp4;

std::vector<QuantFormat> all_formats() {
  std::vector<QuantFormat> formats;
  for (int i = 0; i <= static_cast<int>(last_format); ++i)
    formats.push_back(static_cast<QuantFormat>(i));
  return formats;
}

std::size_t unsign(i64 value) { return static_cast<std::size_t>(value); }

ErrorCode code_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(Quant, NamesLeadBack) {
  for (const QuantFormat format : all_formats())
    EXPECT_EQ(quant_format_named(layout_of(format).name), format);
  EXPECT_EQ(quant_format_named("q4_k"), QuantFormat::q4_k);
  EXPECT_EQ(quant_format_named("bf16"), QuantFormat::bf16);
  EXPECT_FALSE(quant_format_named("Q4"));
  EXPECT_FALSE(quant_format_named(""));
}

TEST(Quant, BytesAreOfWholeBlocks) {
  EXPECT_EQ(bytes_of(QuantFormat::q4_0, 64), 36);
  EXPECT_EQ(bytes_of(QuantFormat::f64, 3), 24);
  EXPECT_EQ(bytes_of(QuantFormat::q4_k, 0), 0);
  EXPECT_EQ(code_of([] { bytes_of(QuantFormat::q4_0, 33); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([] { bytes_of(QuantFormat::f32, -1); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([] { bytes_of(QuantFormat::f64, std::numeric_limits<i64>::max()); }),
            ErrorCode::invalid_argument);
}

TEST(Quant, EveryFormatDecodesAnyBytesAtAnyAddress) {
  for (const QuantFormat format : all_formats()) {
    const QuantLayout& layout = layout_of(format);
    for (const unsigned fill : {0x00u, 0x5au, 0xffu}) {
      // One byte off: stored tensors need not be aligned. A heap block of exact size shows a read
      // past it.
      std::vector<std::byte> storage(unsign(3 * layout.block_bytes + 1),
                                     static_cast<std::byte>(fill));
      std::vector<float> values(unsign(3 * layout.block_values), -1.0f);
      dequantise(format, Bytes(storage).subspan(1), values);
      if (fill == 0 && layout.block_values == 1) {
        EXPECT_EQ(values[0], 0.0f) << layout.name;
      }
    }
  }
}

TEST(Quant, IntegersConvert) {
  const auto decode = [](QuantFormat format, auto stored) {
    float value = 0;
    dequantise(format, std::as_bytes(std::span(&stored, 1)), std::span(&value, 1));
    return value;
  };
  EXPECT_EQ(decode(QuantFormat::i8, i8{-3}), -3.0f);
  EXPECT_EQ(decode(QuantFormat::u8, u8{253}), 253.0f);
  EXPECT_EQ(decode(QuantFormat::i16, i16{-300}), -300.0f);
  EXPECT_EQ(decode(QuantFormat::u16, u16{65000}), 65000.0f);
  EXPECT_EQ(decode(QuantFormat::i32, i32{-70000}), -70000.0f);
  EXPECT_EQ(decode(QuantFormat::u32, u32{4000000000u}), 4e9f);
  EXPECT_EQ(decode(QuantFormat::i64, i64{1} << 40), 0x1p40f);
  EXPECT_EQ(decode(QuantFormat::u64, ~u64{0}), 0x1p64f);
  EXPECT_EQ(decode(QuantFormat::f64, 0.25), 0.25f);
  EXPECT_EQ(decode(QuantFormat::boolean, u8{2}), 1.0f);
}

TEST(Quant, SizesMustMatch) {
  std::vector<float> values(32);
  std::vector<std::byte> blocks(18);
  EXPECT_EQ(code_of([&] { dequantise(QuantFormat::q4_0, Bytes(blocks).first(17), values); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { dequantise(QuantFormat::q4_0, blocks, std::span(values).first(31)); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { quantise(QuantFormat::q4_0, values, std::span(blocks).first(17)); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { quantise(QuantFormat::q2_k, values, blocks); }), ErrorCode::unsupported);
}

TEST(Quant, EncodingThenDecodingStaysWithinHalfAStep) {
  std::vector<float> values(256);
  for (std::size_t i = 0; i < 256; ++i) values[i] = std::sin(static_cast<float>(i) * 0.7f);
  // Of values in -1..1: half a step, plus the fp16 rounding of the scale.
  const std::pair<QuantFormat, float> bounds[] = {
      {QuantFormat::f64, 0.0f},    {QuantFormat::f32, 0.0f},       {QuantFormat::f16, 0.0003f},
      {QuantFormat::bf16, 0.002f}, {QuantFormat::f8_e4m3, 0.032f}, {QuantFormat::f8_e5m2, 0.063f},
      {QuantFormat::q8_0, 0.005f}, {QuantFormat::q4_0, 0.13f},     {QuantFormat::q4_1, 0.07f},
      {QuantFormat::q5_0, 0.065f}, {QuantFormat::q5_1, 0.035f},    {QuantFormat::mxfp4, 0.26f},
      {QuantFormat::tq1_0, 0.51f}, {QuantFormat::tq2_0, 0.51f},    {QuantFormat::q4_k, 0.07f},
      {QuantFormat::q5_k, 0.035f}, {QuantFormat::q6_k, 0.035f},    {QuantFormat::iq4_nl, 0.11f},
      {QuantFormat::iq4_xs, 0.11f}};
  for (const auto& [format, bound] : bounds) {
    ASSERT_TRUE(can_quantise(format));
    std::vector<std::byte> blocks(unsign(bytes_of(format, 256)));
    quantise(format, values, blocks);
    std::vector<float> decoded(256);
    dequantise(format, blocks, decoded);
    for (std::size_t i = 0; i < 256; ++i)
      EXPECT_NEAR(decoded[i], values[i], bound) << layout_of(format).name << " " << i;
  }
}

TEST(Quant, EncodingSurvivesWhatIsNoNumber) {
  for (const QuantFormat format : all_formats()) {
    if (!can_quantise(format)) continue;
    for (const float odd : {std::nanf(""), INFINITY, -INFINITY, 3.4e38f, 1e-45f}) {
      std::vector<float> values(256, odd);
      values[1] = 1.0f;
      std::vector<std::byte> blocks(unsign(bytes_of(format, 256)));
      quantise(format, values, blocks);
    }
  }
}

/// Root of the mean squared error of values from a normal distribution, whose own is 1.
double error_of(QuantFormat format, std::span<const float> importance = {}, i64 column = -1) {
  const i64 row = 512;
  std::vector<float> values(unsign(row * 64));
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Box and Muller 1958.
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(7, 0, i)));
    values[i] = static_cast<float>(radius * std::cos(6.283185307179586 * uniform(7, 1, i)));
  }
  std::vector<std::byte> blocks(unsign(bytes_of(format, ssize_of(values))));
  quantise(format, values, blocks, importance);
  std::vector<float> decoded(values.size());
  dequantise(format, blocks, decoded);
  double sum = 0;
  i64 count = 0;
  for (i64 i = 0; i < ssize_of(values); ++i) {
    if (column >= 0 && i % row != column) continue;
    sum += std::pow(decoded[unsign(i)] - values[unsign(i)], 2);
    ++count;
  }
  return std::sqrt(sum / static_cast<double>(count));
}

TEST(Quant, SearchedScalesBeatRoundingWithFewerBits) {
  const double q4_k = error_of(QuantFormat::q4_k);
  const double q5_k = error_of(QuantFormat::q5_k);
  const double q6_k = error_of(QuantFormat::q6_k);
  EXPECT_LT(q6_k, 0.60 * q5_k);
  EXPECT_LT(q5_k, 0.60 * q4_k);
  EXPECT_LT(q4_k, 0.85 * error_of(QuantFormat::q4_0));
  EXPECT_LT(error_of(QuantFormat::iq4_xs), 0.9 * error_of(QuantFormat::q4_0));  // 4.25 bits to 4.5
  EXPECT_LT(error_of(QuantFormat::iq4_nl), 0.9 * error_of(QuantFormat::q4_0));
  EXPECT_LT(q6_k, 0.02);
}

TEST(Quant, ImportantColumnsLoseLess) {
  std::vector<float> importance(512, 1.0f);
  importance[3] = 100.0f;
  for (const QuantFormat format :
       {QuantFormat::q4_k, QuantFormat::q5_k, QuantFormat::q6_k, QuantFormat::iq4_xs})
    EXPECT_LT(error_of(format, importance, 3), 0.8 * error_of(format, {}, 3))
        << layout_of(format).name;
  importance.resize(500);
  EXPECT_THROW(error_of(QuantFormat::q4_k, importance), Error);
}

}  // namespace
}  // namespace medlar
