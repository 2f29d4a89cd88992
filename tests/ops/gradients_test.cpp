// Each op's gradient against central finite differences of a random projection of its output.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "ops/ops.h"
#include "support/machine.h"
#include "support/random.h"

namespace medlar::ops {
namespace {

using tests::Machine;
using tests::normal_values;
using Function = std::function<Tensor(Context&, const std::vector<Tensor>&)>;

Tensor tensor_of(Machine& m, Shape shape, u64 seed, float scale = 1.0f) {
  return Tensor::of(m.pool, shape,
                    std::span<const float>(normal_values(shape.count(), seed, scale)));
}

/// sum(output * projection): the scalar whose gradient is checked.
double projected(Machine& m, const Function& f, const std::vector<Tensor>& inputs,
                 const std::vector<float>& projection) {
  Context ctx = m.context();
  const Tensor y = f(ctx, inputs);
  double sum = 0.0;
  for (i64 i = 0; i < y.count(); ++i)
    sum += static_cast<double>(y.f32()[i]) *
           static_cast<double>(projection[static_cast<std::size_t>(i)]);
  return sum;
}

void check_gradients(const Function& f, Machine& m, std::vector<Tensor> inputs) {
  Context ctx = m.context();
  Tape tape;
  ctx.tape = &tape;
  const Tensor y = f(ctx, inputs);
  const std::vector<float> projection = normal_values(y.count(), 99);
  tape.backward(ctx, y, Tensor::of(m.pool, y.shape(), std::span<const float>(projection)));
  // Central differences in float: a step of 1e-2 leaves a truncation error of about 1e-4 of the
  // third derivative and a rounding error of 1e-7 of the sum over 1e-2.
  constexpr float step = 1e-2f;
  for (std::size_t n = 0; n < inputs.size(); ++n) {
    const Tensor* grad = tape.gradient(inputs[n]);
    ASSERT_NE(grad, nullptr) << "input " << n << " has no gradient";
    for (i64 i = 0; i < inputs[n].count(); ++i) {
      float& value = inputs[n].f32()[i];
      const float kept = value;
      value = kept + step;
      const double above = projected(m, f, inputs, projection);
      value = kept - step;
      const double below = projected(m, f, inputs, projection);
      value = kept;
      const double numeric = (above - below) / (2.0 * static_cast<double>(step));
      EXPECT_NEAR(grad->f32()[i], numeric, 3e-3 * std::max(1.0, std::fabs(numeric)))
          << "input " << n << " element " << i;
    }
  }
}

TEST(Gradients, Linear) {
  Machine m;
  check_gradients(
      [](Context& c, const std::vector<Tensor>& in) {
        return linear(c, in[0], trainable_weight(in[1]), &in[2]);
      },
      m, {tensor_of(m, {3, 5}, 1), tensor_of(m, {4, 5}, 2), tensor_of(m, {4}, 3)});
}

TEST(Gradients, RowsOfPictures) {
  Machine m;
  const std::vector<i64> places = {3, 0};
  const Tensor index = Tensor::of(m.pool, {2}, std::span<const i64>(places));
  check_gradients(
      [&](Context& c, const std::vector<Tensor>& in) {
        return replace_rows(c, in[0], index, in[1]);
      },
      m, {tensor_of(m, {4, 3}, 1), tensor_of(m, {2, 3}, 2)});
  const std::vector<i64> taps = {2, 2, 0, 1, 3, 1};
  const Tensor taken = Tensor::of(m.pool, {2, 3}, std::span<const i64>(taps));
  const Tensor weight = tensor_of(m, {2, 3}, 3);
  check_gradients(
      [&](Context& c, const std::vector<Tensor>& in) { return mix_rows(c, in[0], taken, weight); },
      m, {tensor_of(m, {4, 5}, 4)});
  check_gradients(
      [](Context& c, const std::vector<Tensor>& in) { return transpose_groups(c, in[0], 2); }, m,
      {tensor_of(m, {6, 5}, 5)});
}

TEST(Gradients, LinearOverAFrozenQuantisedWeightReachesItsInput) {
  Machine m;
  std::vector<std::byte> bytes(static_cast<std::size_t>(bytes_of(QuantFormat::q8_0, 4 * 32)));
  quantise(QuantFormat::q8_0, normal_values(4 * 32, 5), bytes);
  Weight w;
  w.view = {.format = QuantFormat::q8_0,
            .layout = backend::WeightLayout::rows,
            .data = bytes.data(),
            .out = 4,
            .in = 32};
  check_gradients([&](Context& c, const std::vector<Tensor>& in) { return linear(c, in[0], w); }, m,
                  {tensor_of(m, {3, 32}, 1)});
}

TEST(Gradients, Embed) {
  Machine m;
  const i64 values[] = {2, 0, 2, 1};
  const Tensor ids = Tensor::of(m.pool, {4}, std::span<const i64>(values));
  check_gradients(
      [&](Context& c, const std::vector<Tensor>& in) {
        return embed(c, ids, trainable_weight(in[0]));
      },
      m, {tensor_of(m, {3, 5}, 1)});
}

TEST(Gradients, Norms) {
  Machine m;
  check_gradients(
      [](Context& c, const std::vector<Tensor>& in) { return rms_norm(c, in[0], in[1], 1e-5f); }, m,
      {tensor_of(m, {3, 6}, 1), tensor_of(m, {6}, 2)});
  check_gradients(
      [](Context& c, const std::vector<Tensor>& in) {
        return layer_norm(c, in[0], in[1], &in[2], 1e-5f);
      },
      m, {tensor_of(m, {3, 6}, 1), tensor_of(m, {6}, 2), tensor_of(m, {6}, 3)});
  check_gradients([](Context& c, const std::vector<Tensor>& in) { return softmax(c, in[0]); }, m,
                  {tensor_of(m, {3, 6}, 1)});
}

TEST(Gradients, Pointwise) {
  Machine m;
  // relu is left out of the shared inputs: its kink at 0 has no derivative to compare with.
  for (Tensor (*f)(Context&, const Tensor&) :
       {silu, gelu, gelu_tanh, quick_gelu, ops::tanh, sigmoid, ops::exp}) {
    check_gradients([f](Context& c, const std::vector<Tensor>& in) { return f(c, in[0]); }, m,
                    {tensor_of(m, {2, 9}, 1)});
  }
  const std::vector<float> away_from_zero = {-2.0f, -0.5f, 0.5f, 3.0f};
  check_gradients([](Context& c, const std::vector<Tensor>& in) { return relu(c, in[0]); }, m,
                  {Tensor::of(m.pool, {2, 2}, std::span<const float>(away_from_zero))});
  check_gradients([](Context& c, const std::vector<Tensor>& in) { return add(c, in[0], in[1]); }, m,
                  {tensor_of(m, {3, 4}, 1), tensor_of(m, {4}, 2)});
  check_gradients(
      [](Context& c, const std::vector<Tensor>& in) { return multiply(c, in[0], in[1]); }, m,
      {tensor_of(m, {3, 4}, 1), tensor_of(m, {3, 4}, 2)});
  check_gradients(
      [](Context& c, const std::vector<Tensor>& in) { return multiply(c, in[0], in[1]); }, m,
      {tensor_of(m, {3, 4}, 1), tensor_of(m, {4}, 2)});
  check_gradients([](Context& c, const std::vector<Tensor>& in) { return scale(c, in[0], -1.5f); },
                  m, {tensor_of(m, {3, 4}, 1)});
}

TEST(Gradients, Rows) {
  Machine m;
  const i64 picks[] = {1, 3, 1};
  const Tensor index = Tensor::of(m.pool, {3}, std::span<const i64>(picks));
  check_gradients(
      [&](Context& c, const std::vector<Tensor>& in) { return gather_rows(c, in[0], index); }, m,
      {tensor_of(m, {4, 3}, 1)});
  check_gradients([](Context& c, const std::vector<Tensor>& in) { return transpose(c, in[0]); }, m,
                  {tensor_of(m, {4, 3}, 1)});
  check_gradients([](Context& c, const std::vector<Tensor>& in) { return sum_rows(c, in[0]); }, m,
                  {tensor_of(m, {4, 3}, 1)});
  const std::vector<i64> starts = {0, 1, 4};
  check_gradients(
      [&](Context& c, const std::vector<Tensor>& in) { return mean_rows(c, in[0], starts); }, m,
      {tensor_of(m, {4, 3}, 1)});
}

TEST(Gradients, Rope) {
  Machine m;
  const Tensor cos = tensor_of(m, {3, 2}, 5);
  const Tensor sin = tensor_of(m, {3, 2}, 6);
  for (const RopeLayout layout : {RopeLayout::halves, RopeLayout::pairs}) {
    check_gradients(
        [&](Context& c, const std::vector<Tensor>& in) { return rope(c, in[0], cos, sin, layout); },
        m, {tensor_of(m, {3, 2, 6}, 1)});
  }
}

TEST(Gradients, Attention) {
  Machine m;
  const std::vector<i64> starts = {0, 4, 7};
  for (const AttentionSpec& spec :
       {AttentionSpec{.scale = 0.5f},
        AttentionSpec{.scale = 0.5f, .mask = Mask::causal, .window = 2},
        AttentionSpec{.scale = 0.5f, .mask = Mask::bidirectional, .window = 0}}) {
    check_gradients(
        [&](Context& c, const std::vector<Tensor>& in) {
          return attention(c, in[0], in[1], in[2], starts, spec);
        },
        m, {tensor_of(m, {7, 4, 3}, 1), tensor_of(m, {7, 2, 3}, 2), tensor_of(m, {7, 2, 3}, 3)});
  }
}

TEST(Gradients, CrossEntropy) {
  Machine m;
  const i64 values[] = {2, -1, 0};
  const Tensor targets = Tensor::of(m.pool, {3}, std::span<const i64>(values));
  check_gradients(
      [&](Context& c, const std::vector<Tensor>& in) { return cross_entropy(c, in[0], targets); },
      m, {tensor_of(m, {3, 4}, 1)});
}

TEST(Gradients, ATensorUsedTwiceGetsBothParts) {
  Machine m;
  check_gradients(
      [](Context& c, const std::vector<Tensor>& in) {
        return multiply(c, in[0], add(c, in[0], in[0]));
      },
      m, {tensor_of(m, {2, 3}, 1)});
}

TEST(Checks, NameTheOpAndTheShapes) {
  Machine m;
  Context ctx = m.context();
  const Tensor x = tensor_of(m, {3, 5}, 1);
  try {
    linear(ctx, x, trainable_weight(tensor_of(m, {4, 6}, 2)));
    FAIL() << "a product of 5 and 6 columns passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::shape_mismatch);
    EXPECT_NE(std::string(error.what()).find("linear: x has shape [3, 5], expected [3, 6]"),
              std::string::npos)
        << error.what();
  }
  const i64 outside[] = {5};
  EXPECT_THROW(
      embed(ctx, Tensor::of(m.pool, {1}, std::span<const i64>(outside)), trainable_weight(x)),
      Error);
  EXPECT_THROW(gather_rows(ctx, x, Tensor::of(m.pool, {1}, std::span<const i64>(outside))), Error);
  EXPECT_THROW(add(ctx, x, tensor_of(m, {3}, 1)), Error);
}

}  // namespace
}  // namespace medlar::ops
