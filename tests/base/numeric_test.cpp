#include "base/numeric.h"

#include <gtest/gtest.h>

#include <cmath>

namespace medlar {
namespace {

TEST(Numeric, EveryHalfFloatSurvivesTheRoundTrip) {
  for (u32 code = 0; code < 0x10000; ++code) {
    const u16 half = static_cast<u16>(code);
    const float value = f16_to_f32(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(bf16_to_f32(static_cast<u16>(0x7f81))))));
    } else {
      EXPECT_EQ(f32_to_f16(value), half);
    }
    const float brain = bf16_to_f32(half);
    if (!std::isnan(brain)) {
      EXPECT_EQ(f32_to_bf16(brain), half);
    }
  }
}

TEST(Numeric, EveryByteFloatSurvivesTheRoundTrip) {
  for (u32 code = 0; code < 256; ++code) {
    const u8 byte = static_cast<u8>(code);
    if (std::isfinite(f8_e4m3_to_f32(byte))) {
      EXPECT_EQ(f32_to_f8_e4m3(f8_e4m3_to_f32(byte)), byte);
    }
    if (std::isfinite(f8_e5m2_to_f32(byte))) {
      EXPECT_EQ(f32_to_f8_e5m2(f8_e5m2_to_f32(byte)), byte);
    }
    EXPECT_EQ(f32_to_e8m0_floor(e8m0_to_f32(byte)), byte);
    if (byte > 0) {
      EXPECT_EQ(f32_to_e8m0(e8m0_to_f32(byte)), byte);
    }
  }
}

TEST(Numeric, ByteFloatsRoundToEvenAndSaturate) {
  EXPECT_EQ(f8_e4m3_to_f32(f32_to_f8_e4m3(17.0f)), 16.0f);  // halfway between 16 and 18
  EXPECT_EQ(f8_e4m3_to_f32(f32_to_f8_e4m3(19.0f)), 20.0f);  // halfway between 18 and 20
  EXPECT_EQ(f8_e4m3_to_f32(f32_to_f8_e4m3(1e9f)), 448.0f);
  EXPECT_EQ(f8_e4m3_to_f32(f32_to_f8_e4m3(-INFINITY)), -448.0f);
  EXPECT_EQ(f32_to_f8_e4m3(std::nanf("")), 0x7f);
  EXPECT_EQ(f32_to_f8_e4m3(0x1p-10f), 0);  // half of the least subnormal, to even
  EXPECT_EQ(f32_to_f8_e4m3(0x1.8p-10f), 1);
  EXPECT_EQ(f32_to_f8_e4m3(-1e-45f), 0x80);
  EXPECT_EQ(f8_e5m2_to_f32(f32_to_f8_e5m2(INFINITY)), 57344.0f);
  EXPECT_EQ(f32_to_f8_e5m2(0x1p-17f), 0);
}

TEST(Numeric, ExponentScalesRound) {
  EXPECT_EQ(e8m0_to_f32(f32_to_e8m0_floor(3.9f)), 2.0f);
  EXPECT_EQ(e8m0_to_f32(f32_to_e8m0(3.0f)), 4.0f);
  EXPECT_EQ(e8m0_to_f32(f32_to_e8m0(2.9f)), 2.0f);
  EXPECT_EQ(f32_to_e8m0(INFINITY), 0xff);
  EXPECT_EQ(f32_to_e8m0_floor(0.0f), 0);
}

}  // namespace
}  // namespace medlar
