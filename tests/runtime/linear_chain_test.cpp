// Sums over all paths of a linear chain against every path counted one by one.
#include "runtime/linear_chain.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/random.h"

namespace medlar::runtime {
namespace {

TEST(ChainSums, AreThoseOfEveryPath) {
  constexpr std::size_t labels = 3;
  constexpr std::size_t tokens = 4;
  const std::vector<float> scores = tests::normal_values(labels * tokens, 1, 2.0f);
  Transitions t = {.between = tests::normal_values(labels * labels, 2),
                   .start = tests::normal_values(labels, 3),
                   .end = tests::normal_values(labels, 4)};
  t.between[5] = -std::numeric_limits<float>::infinity();  // label 2 never follows label 1
  double total = 0.0;
  std::vector<double> of_label(labels * tokens);
  std::vector<double> of_step(labels * labels);
  double best = -INFINITY;
  std::vector<i64> best_one;
  for (i64 code = 0; code < 81; ++code) {
    const std::vector<i64> path = {code / 27, code / 9 % 3, code / 3 % 3, code % 3};
    const double score = path_score(scores, t, path);
    const double weight = std::exp(score);
    total += weight;
    if (score > best) {
      best = score;
      best_one = path;
    }
    for (std::size_t i = 0; i < tokens; ++i) {
      of_label[i * labels + static_cast<std::size_t>(path[i])] += weight;
      if (i > 0) of_step[static_cast<std::size_t>(path[i - 1] * 3 + path[i])] += weight;
    }
  }
  const ChainSums sums = chain_sums(scores, t);
  EXPECT_NEAR(sums.log_partition, std::log(total), 1e-12);
  for (std::size_t i = 0; i < of_label.size(); ++i)
    EXPECT_NEAR(sums.labels[i], of_label[i] / total, 1e-12) << i;
  for (std::size_t i = 0; i < of_step.size(); ++i)
    EXPECT_NEAR(sums.steps[i], of_step[i] / total, 1e-12) << i;
  EXPECT_EQ(best_path(scores, t), best_one);
  EXPECT_TRUE(chain_sums({}, t).labels.empty());
}

TEST(ChainSums, StayFiniteFarFromZero) {
  const std::vector<float> scores = {1e4f, -1e4f, -1e4f, 1e4f};
  const Transitions t = {.between = {0, 0, 0, 0}, .start = {0, 0}, .end = {0, 0}};
  const ChainSums sums = chain_sums(scores, t);
  EXPECT_DOUBLE_EQ(sums.log_partition, 2e4);
  EXPECT_DOUBLE_EQ(sums.labels[0] + sums.labels[3], 2.0);
}

}  // namespace
}  // namespace medlar::runtime
