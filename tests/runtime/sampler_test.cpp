#include "runtime/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "base/error.h"

namespace medlar::runtime {
namespace {

TEST(Sampler, GreedyTakesTheLowestOfEquals) {
  EXPECT_EQ(argmax(std::vector<float>{1.0f, 3.0f, 3.0f}), 1);
  EXPECT_EQ(argmax(std::vector<float>{NAN, -1.0f, NAN}), 1);
  EXPECT_EQ(sample(std::vector<float>{0.0f, 2.0f, 1.0f}, {}, 7), 1);
}

TEST(Sampler, DrawsWithTheProbabilitiesOfTheTemperature) {
  const std::vector<float> logits = {0.0f, std::log(2.0f), std::log(5.0f)};
  std::map<i64, i64> counts;
  constexpr i64 draws = 20000;
  for (i64 position = 0; position < draws; ++position)
    ++counts[sample(logits, {.temperature = 1.0f, .seed = 3}, position)];
  // Five standard deviations of a binomial with 20,000 draws are at most 0.018.
  EXPECT_NEAR(static_cast<double>(counts[0]) / draws, 1.0 / 8.0, 0.018);
  EXPECT_NEAR(static_cast<double>(counts[1]) / draws, 2.0 / 8.0, 0.018);
  EXPECT_NEAR(static_cast<double>(counts[2]) / draws, 5.0 / 8.0, 0.018);
}

TEST(Sampler, TopKAndTopPLeaveOutTheUnlikely) {
  const std::vector<float> logits = {3.0f, 0.0f, 2.9f, -1.0f};
  for (i64 position = 0; position < 500; ++position) {
    EXPECT_NE(sample(logits, {.temperature = 2.0f, .top_k = 2}, position), 1);
    EXPECT_EQ(sample(logits, {.temperature = 1.0f, .top_p = 0.3f}, position), 0);
  }
}

TEST(Sampler, DependsOnSeedAndPositionAlone) {
  const std::vector<float> logits(50, 0.0f);
  const SamplingParameters p = {.temperature = 1.0f, .seed = 11};
  EXPECT_EQ(sample(logits, p, 4), sample(logits, p, 4));
  std::map<i64, i64> seen;
  for (i64 position = 0; position < 200; ++position) ++seen[sample(logits, p, position)];
  EXPECT_GT(seen.size(), 40u);
}

TEST(Sampler, RefusesValuesOutOfRange) {
  EXPECT_THROW(check_sampling({.temperature = -1.0f}), Error);
  EXPECT_THROW(check_sampling({.temperature = NAN}), Error);
  EXPECT_THROW(check_sampling({.top_p = 0.0f}), Error);
  EXPECT_THROW(check_sampling({.top_k = -1}), Error);
  EXPECT_NO_THROW(check_sampling({.temperature = 1.0f, .top_k = 5, .top_p = 0.9f}));
}

}  // namespace
}  // namespace medlar::runtime
