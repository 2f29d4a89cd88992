// AdamW, the schedule and the loss against plain double-precision arithmetic.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "ops/ops.h"
#include "support/machine.h"
#include "support/random.h"
#include "train/adamw.h"
#include "train/token_loss.h"

namespace medlar::train {
namespace {

using tests::Machine;
using tests::normal_values;

TEST(Schedule, WarmsUpAndDecays) {
  const Schedule linear = {.steps = 100, .warmup = 10};
  EXPECT_DOUBLE_EQ(linear.at(0), 0.1);
  EXPECT_DOUBLE_EQ(linear.at(9), 1.0);
  EXPECT_DOUBLE_EQ(linear.at(55), 0.5);
  EXPECT_DOUBLE_EQ(linear.at(100), 0.0);
  const Schedule cosine = {.steps = 100, .warmup = 10, .decay = Decay::cosine};
  EXPECT_DOUBLE_EQ(cosine.at(55), 0.5);
  const Schedule constant = {.steps = 100, .decay = Decay::none};
  EXPECT_DOUBLE_EQ(constant.at(99), 1.0);
}

TEST(Schedule, HoldsBeforeItFalls) {
  const Schedule held = {.steps = 110, .warmup = 10, .falling = 0.4};
  EXPECT_DOUBLE_EQ(held.at(10), 1.0);
  EXPECT_DOUBLE_EQ(held.at(70), 1.0);
  EXPECT_DOUBLE_EQ(held.at(90), 0.5);
  EXPECT_DOUBLE_EQ(held.at(110), 0.0);
}

TEST(AdamW, TakesTheStepsOfThePaper) {
  Machine m;
  const std::vector<float> start = normal_values(20, 1);
  const Tensor values = Tensor::of(m.pool, {4, 5}, std::span<const float>(start));
  AdamW optimizer(m.pool, {{"w", values}}, {});
  std::vector<double> w(start.begin(), start.end());
  std::vector<double> first(20, 0.0);
  std::vector<double> second(20, 0.0);
  for (i64 step = 1; step <= 3; ++step) {
    const std::vector<float> g = normal_values(20, 10 + static_cast<u64>(step));
    ops::Context ctx = m.context();
    ops::Tape tape;
    tape.accumulate(ctx, values, Tensor::of(m.pool, {4, 5}, std::span<const float>(g)));
    optimizer.step(ctx, tape, step, 0.01f, 0.5f);
    for (std::size_t i = 0; i < 20; ++i) {
      const double gradient = 0.5 * static_cast<double>(g[i]);
      first[i] = 0.9 * first[i] + 0.1 * gradient;
      second[i] = 0.999 * second[i] + 0.001 * gradient * gradient;
      const double n = static_cast<double>(step);
      w[i] -= 0.01 * (first[i] / (1.0 - std::pow(0.9, n)) /
                          (std::sqrt(second[i] / (1.0 - std::pow(0.999, n))) + 1e-8) +
                      0.01 * w[i]);
      // Three steps of 0.01, each rounded in single precision a few times.
      EXPECT_NEAR(values.f32()[i], w[i], 2e-6) << "value " << i << " step " << step;
    }
  }
}

TEST(GlobalNorm, IsTheLengthOfAllGradients) {
  Machine m;
  const Tensor a = Tensor::zeros(m.pool, {100, 333});
  const Tensor b = Tensor::zeros(m.pool, {7});
  const std::vector<float> ga = normal_values(a.count(), 3);
  const std::vector<float> gb = normal_values(7, 4);
  ops::Context ctx = m.context();
  ops::Tape tape;
  tape.accumulate(ctx, a, Tensor::of(m.pool, a.shape(), std::span<const float>(ga)));
  tape.accumulate(ctx, b, Tensor::of(m.pool, b.shape(), std::span<const float>(gb)));
  double sum = 0.0;
  for (const float g : ga) sum += static_cast<double>(g) * static_cast<double>(g);
  for (const float g : gb) sum += static_cast<double>(g) * static_cast<double>(g);
  const std::vector<nn::Parameter> parameters = {{"a", a}, {"b", b}};
  EXPECT_NEAR(global_norm(ctx, tape, parameters), std::sqrt(sum), 1e-9 * sum);
}

TEST(TokenLoss, IsTheSmoothedCrossEntropyOfEachHeadAndHasItsGradient) {
  Machine m;
  Tensor logits = Tensor::of(m.pool, {4, 5}, std::span<const float>(normal_values(20, 5)));
  const std::vector<TokenTarget> targets = {{.column = 1, .first = 0, .count = 2},
                                            {},
                                            {.column = 4, .first = 2, .count = 3, .weight = 2.0f},
                                            {.column = 2, .first = 2, .count = 3}};
  constexpr double smoothing = 0.1;
  const auto exact = [&] {
    double sum = 0.0;
    for (std::size_t t = 0; t < 4; ++t) {
      const TokenTarget& target = targets[t];
      if (target.column < 0) continue;
      const float* row = logits.f32() + t * 5;
      double total = 0.0;
      for (i64 c = target.first; c < target.first + target.count; ++c)
        total += std::exp(static_cast<double>(row[c]));
      for (i64 c = target.first; c < target.first + target.count; ++c) {
        const double wanted = smoothing / static_cast<double>(target.count) +
                              (c == target.column ? 1.0 - smoothing : 0.0);
        sum -= static_cast<double>(target.weight) / 4.0 * wanted *
               (static_cast<double>(row[c]) - std::log(total));
      }
    }
    return sum;
  };
  ops::Context ctx = m.context();
  ops::Tape tape;
  ctx.tape = &tape;
  const Tensor loss = token_loss(ctx, logits, targets, static_cast<float>(smoothing));
  EXPECT_NEAR(loss.f32()[0], exact(), 1e-6);
  const float one = 1.0f;
  tape.backward(ctx, loss, Tensor::of(m.pool, {1}, std::span(&one, 1)));
  const Tensor* gradient = tape.gradient(logits);
  ASSERT_NE(gradient, nullptr);
  for (i64 i = 0; i < logits.count(); ++i) {
    const float kept = logits.f32()[i];
    logits.f32()[i] = kept + 1e-3f;
    const double above = exact();
    logits.f32()[i] = kept - 1e-3f;
    const double below = exact();
    logits.f32()[i] = kept;
    EXPECT_NEAR(gradient->f32()[i], (above - below) / 2e-3, 1e-4) << i;
  }
  const std::vector<TokenTarget> nothing(4);
  EXPECT_THROW(token_loss(ctx, logits, nothing), Error);
}

}  // namespace
}  // namespace medlar::train
