// The loss of linear chains: its gradient, and what a head of chains learns.
#include "train/chain_loss.h"

#include <gtest/gtest.h>

#include "ops/ops.h"
#include "support/machine.h"
#include "support/random.h"

namespace medlar::train {
namespace {

using tests::Machine;
using tests::normal_values;

TEST(ChainLoss, HasItsGradientInEveryPart) {
  Machine m;
  Tensor logits = Tensor::of(m.pool, {6, 5}, std::span<const float>(normal_values(30, 1)));
  const ChainParameters three(
      m.pool,
      {.between = normal_values(9, 2), .start = normal_values(3, 3), .end = normal_values(3, 4)});
  const ChainParameters two(
      m.pool,
      {.between = normal_values(4, 5), .start = normal_values(2, 6), .end = normal_values(2, 7)});
  const std::vector<LabelledChain> chains = {
      {.parameters = &three, .first = 2, .rows = {0, 1, 3}, .labels = {0, 2, 1}, .weight = 0.5f},
      {.parameters = &two, .first = 0, .rows = {2}, .labels = {1}},
      {.parameters = &three, .first = 2, .rows = {4, 5}, .labels = {1, 2}}};
  ops::Context ctx = m.context();
  ops::Tape tape;
  ctx.tape = &tape;
  const Tensor loss = chain_loss(ctx, logits, chains);
  // By hand: -log p of a chain of one token is a softmax of its scores with start and end.
  EXPECT_GT(loss.f32()[0], 0.0f);
  const float one = 1.0f;
  tape.backward(ctx, loss, Tensor::of(m.pool, {1}, std::span(&one, 1)));
  ctx.tape = nullptr;
  for (Tensor tensor :
       {logits, three.between, three.start, three.end, two.between, two.start, two.end}) {
    const Tensor* gradient = tape.gradient(tensor);
    ASSERT_NE(gradient, nullptr);
    for (i64 i = 0; i < tensor.count(); ++i) {
      const float kept = tensor.f32()[i];
      constexpr float step = 1e-2f;
      tensor.f32()[i] = kept + step;
      const double above = chain_loss(ctx, logits, chains).f32()[0];
      tensor.f32()[i] = kept - step;
      const double below = chain_loss(ctx, logits, chains).f32()[0];
      tensor.f32()[i] = kept;
      // The loss is near 1 in single precision: 1e-7 over a step of 1e-2, and the third derivative.
      EXPECT_NEAR(gradient->f32()[i], (above - below) / (2.0 * step), 5e-5) << i;
    }
  }
}

TEST(ChainLoss, OfOneTokenIsTheCrossEntropy) {
  Machine m;
  const Tensor logits = Tensor::of(m.pool, {1, 3}, std::span<const float>(normal_values(3, 1)));
  const ChainParameters zeros(
      m.pool, {.between = std::vector<float>(9), .start = {0, 0, 0}, .end = {0, 0, 0}});
  const std::vector<LabelledChain> chains = {{.parameters = &zeros, .rows = {0}, .labels = {2}}};
  ops::Context ctx = m.context();
  const i64 target = 2;
  const Tensor expected =
      ops::cross_entropy(ctx, logits, Tensor::of(m.pool, {1}, std::span(&target, 1)));
  EXPECT_NEAR(chain_loss(ctx, logits, chains).f32()[0], expected.f32()[0], 1e-6);
}

}  // namespace
}  // namespace medlar::train
