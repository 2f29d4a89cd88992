#include <gtest/gtest.h>

#include <cmath>

#include "ops/ops.h"
#include "support/machine.h"
#include "support/random.h"

namespace medlar::ops {
namespace {

using tests::Machine;
using tests::normal_values;

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// The equations, gates i f g o, in double; rows [first, last) in the given order.
void run_plain(const std::vector<float>& gates, const std::vector<float>& recurrent,
               const std::vector<float>& bias, const std::vector<i64>& order, i64 width,
               std::vector<double>& y) {
  std::vector<double> h(static_cast<std::size_t>(width), 0.0);
  std::vector<double> c = h;
  for (const i64 row : order) {
    std::vector<double> z(static_cast<std::size_t>(4 * width));
    for (i64 o = 0; o < 4 * width; ++o) {
      double sum = static_cast<double>(gates[static_cast<std::size_t>(row * 4 * width + o)]) +
                   static_cast<double>(bias[static_cast<std::size_t>(o)]);
      for (i64 k = 0; k < width; ++k) {
        sum += static_cast<double>(recurrent[static_cast<std::size_t>(o * width + k)]) *
               h[static_cast<std::size_t>(k)];
      }
      z[static_cast<std::size_t>(o)] = sum;
    }
    const auto gate = [&](i64 part, i64 i) {
      return z[static_cast<std::size_t>(part * width + i)];
    };
    for (i64 i = 0; i < width; ++i) {
      const auto at = static_cast<std::size_t>(i);
      c[at] = sigmoid(gate(1, i)) * c[at] + sigmoid(gate(0, i)) * std::tanh(gate(2, i));
      h[at] = sigmoid(gate(3, i)) * std::tanh(c[at]);
      y[static_cast<std::size_t>(row * width + i)] = h[at];
    }
  }
}

TEST(Lstm, FollowsTheEquationsInBothDirectionsWithinEachSequence) {
  Machine m;
  Context ctx = m.context();
  constexpr i64 width = 5;
  constexpr i64 rows = 9;
  const std::vector<float> gates = normal_values(rows * 4 * width, 1);
  const std::vector<float> recurrent = normal_values(4 * width * width, 2, 0.5f);
  const std::vector<float> bias = normal_values(4 * width, 3);
  const std::vector<i64> starts = {0, 6, 9};
  const Tensor bias_tensor = Tensor::of(m.pool, {4 * width}, std::span<const float>(bias));
  const Weight weight =
      trainable_weight(Tensor::of(m.pool, {4 * width, width}, std::span<const float>(recurrent)));
  const Tensor gate_rows = Tensor::of(m.pool, {rows, 4 * width}, std::span<const float>(gates));
  for (const Direction direction : {Direction::forward, Direction::inverse}) {
    const Tensor y = lstm(ctx, gate_rows, weight, &bias_tensor, starts, direction);
    const bool forward = direction == Direction::forward;
    std::vector<double> expected(static_cast<std::size_t>(rows * width));
    run_plain(gates, recurrent, bias,
              forward ? std::vector<i64>{0, 1, 2, 3, 4, 5} : std::vector<i64>{5, 4, 3, 2, 1, 0},
              width, expected);
    run_plain(gates, recurrent, bias,
              forward ? std::vector<i64>{6, 7, 8} : std::vector<i64>{8, 7, 6}, width, expected);
    for (i64 i = 0; i < rows * width; ++i)
      EXPECT_NEAR(y.f32()[i], expected[static_cast<std::size_t>(i)], 2e-6) << i;
  }
}

}  // namespace
}  // namespace medlar::ops
