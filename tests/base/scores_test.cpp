#include "base/scores.h"

#include <gtest/gtest.h>

namespace medlar {
namespace {

TEST(Scores, PrecisionRecallAndTheirMean) {
  const Counts counts = {.right = 1, .wanted = 3, .found = 2};
  EXPECT_DOUBLE_EQ(counts.precision(), 0.5);
  EXPECT_DOUBLE_EQ(counts.recall(), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(counts.f1(), 0.4);
  EXPECT_EQ(Counts().f1(), 1.0);  // nothing to find, nothing found
}

TEST(Scores, WilsonsIntervalOfAProportion) {
  const Interval half = wilson(50, 100);
  EXPECT_NEAR(half.low, 0.4038, 1e-4);  // Wilson 1927, z = 1.96
  EXPECT_NEAR(half.high, 0.5962, 1e-4);
  EXPECT_EQ(wilson(0, 0).high, 1.0);
}

TEST(Scores, BootstrapSurroundsTheScoreAndRepeats) {
  std::vector<Counts> units;
  for (i64 i = 0; i < 200; ++i)
    units.push_back({.right = i % 4 == 0 ? 0 : 1, .wanted = 1, .found = 1});
  const Interval interval = bootstrap(units, &Counts::f1);
  EXPECT_LT(interval.low, 0.75);
  EXPECT_GT(interval.high, 0.75);
  // A proportion of 0.75 in 200: 1.96 standard errors are 0.06.
  EXPECT_NEAR(interval.high - interval.low, 0.12, 0.02);
  EXPECT_EQ(bootstrap(units, &Counts::f1).low, interval.low);
}

}  // namespace
}  // namespace medlar
