// The kernels of training: every cpu variant gives the bits of the reference. That the values are
// gradients is what tests/ops/gradients_test.cpp checks.
#include <gtest/gtest.h>

#include "backend/variants.h"
#include "support/random.h"

namespace medlar::backend {
namespace {

using medlar::tests::normal_values;
using tests::same_everywhere;

TEST(GradientKernels, ProductsOfTransposedMatricesAreThoseOfCopies) {
  struct Case {
    i64 rows, out, in;
  };
  for (const auto& [rows, out, in] :
       {Case{1, 1, 1}, Case{3, 17, 5}, Case{13, 65, 320}, Case{25, 144, 300}, Case{50, 31, 257}}) {
    const std::vector<float> x = normal_values(rows * in, 1);
    const std::vector<float> m = normal_values(in * out, 2);
    std::vector<float> x_turned(x.size());
    std::vector<float> m_turned(m.size());
    for (i64 k = 0; k < in; ++k) {
      for (i64 r = 0; r < rows; ++r)
        x_turned[static_cast<std::size_t>(k * rows + r)] = x[static_cast<std::size_t>(r * in + k)];
      for (i64 o = 0; o < out; ++o)
        m_turned[static_cast<std::size_t>(o * in + k)] = m[static_cast<std::size_t>(k * out + o)];
    }
    const auto product = [&](const std::vector<float>& from, InputLayout layout,
                             const std::vector<float>& weight, WeightLayout weight_layout) {
      return same_everywhere(
          rows * out, [&](const Kernels& kernels, const Stream& stream, float* y) {
            kernels.linear(stream,
                           {.x = from.data(),
                            .rows = rows,
                            .weight = {.format = QuantFormat::f32,
                                       .layout = weight_layout,
                                       .data = reinterpret_cast<const std::byte*>(weight.data()),
                                       .out = out,
                                       .in = in},
                            .bias = nullptr,
                            .y = y,
                            .x_layout = layout});
          });
    };
    const std::vector<float> expected = product(x, InputLayout::rows, m_turned, WeightLayout::rows);
    EXPECT_EQ(product(x, InputLayout::rows, m, WeightLayout::columns), expected);
    EXPECT_EQ(product(x_turned, InputLayout::columns, m, WeightLayout::columns), expected);
  }
}

TEST(GradientKernels, PointwiseOnesAgree) {
  std::vector<float> x;
  for (float v = -12.0f; v <= 12.0f; v += 0.013f) x.push_back(v);
  const std::vector<float> g = normal_values(ssize_of(x), 3);
  for (const Unary f : {Unary::silu, Unary::gelu, Unary::gelu_tanh, Unary::quick_gelu, Unary::relu,
                        Unary::tanh, Unary::sigmoid, Unary::exp}) {
    same_everywhere(ssize_of(x), [&](const Kernels& kernels, const Stream& stream, float* y) {
      kernels.unary_grad(stream, f, x.data(), g.data(), ssize_of(x), y);
    });
  }
}

TEST(GradientKernels, NormsAndSumsAgree) {
  for (const i64 width : {1, 15, 16, 100, 384}) {
    constexpr i64 rows = 9;
    const std::vector<float> x = normal_values(rows * width, 5, 3.0f);
    const std::vector<float> weight = normal_values(width, 7);
    const std::vector<float> g = normal_values(rows * width, 9);
    const auto args = [&](float* y) {
      return NormArgs{.x = x.data(),
                      .rows = rows,
                      .width = width,
                      .weight = weight.data(),
                      .bias = nullptr,
                      .epsilon = 1e-5f,
                      .y = y};
    };
    same_everywhere((rows + 2) * width, [&](const Kernels& kernels, const Stream& stream,
                                            float* y) {
      kernels.layer_norm_grad(stream, args(y), g.data(), y + rows * width, y + (rows + 1) * width);
    });
    same_everywhere((rows + 1) * width,
                    [&](const Kernels& kernels, const Stream& stream, float* y) {
                      kernels.rms_norm_grad(stream, args(y), g.data(), y + rows * width);
                    });
    same_everywhere(width, [&](const Kernels& kernels, const Stream& stream, float* y) {
      kernels.sum_rows(stream, x.data(), rows, width, y);
    });
  }
}

TEST(GradientKernels, AttentionsAgree) {
  struct Case {
    i64 heads, kv_heads, size;
    Mask mask;
    i64 window;
  };
  for (const Case& c : {Case{2, 2, 32, Mask::bidirectional, 0}, Case{4, 2, 20, Mask::causal, 0},
                        Case{2, 1, 16, Mask::causal, 5}, Case{2, 2, 8, Mask::bidirectional, 3}}) {
    // Sequences of 1, 20 and 70 tokens.
    const std::vector<i64> starts = {0, 1, 21, 91};
    const i64 rows = starts.back();
    std::vector<AttentionSequence> sequences;
    for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
      const i64 count = starts[s + 1] - starts[s];
      sequences.push_back({.first_row = starts[s],
                           .rows = count,
                           .first_position = 0,
                           .keys = count,
                           .pages = nullptr});
    }
    const i64 queries = rows * c.heads * c.size;
    const i64 keys = rows * c.kv_heads * c.size;
    const std::vector<float> q = normal_values(queries, 11);
    const std::vector<float> k = normal_values(keys, 13);
    const std::vector<float> v = normal_values(keys, 15);
    const std::vector<float> y = normal_values(queries, 17);
    const std::vector<float> grad_y = normal_values(queries, 19);
    // As large as a log-sum is: the probabilities come out below 1.
    const std::vector<float> log_sum(static_cast<std::size_t>(rows * c.heads), 3.0f);
    same_everywhere(queries + 2 * keys,
                    [&](const Kernels& kernels, const Stream& stream, float* grads) {
                      std::fill_n(grads, queries + 2 * keys, 0.0f);
                      kernels.attention_grad(stream, {.q = q.data(),
                                                      .k = k.data(),
                                                      .v = v.data(),
                                                      .y = y.data(),
                                                      .log_sum = log_sum.data(),
                                                      .grad_y = grad_y.data(),
                                                      .heads = c.heads,
                                                      .kv_heads = c.kv_heads,
                                                      .head_size = c.size,
                                                      .sequences = sequences,
                                                      .scale = 0.25f,
                                                      .mask = c.mask,
                                                      .window = c.window,
                                                      .grad_q = grads,
                                                      .grad_k = grads + queries,
                                                      .grad_v = grads + queries + keys});
                    });
  }
}

TEST(DropoutKernel, KeepsWhatTheSeedSaysScaledUp) {
  constexpr i64 count = 40003;
  const std::vector<float> x(count, 2.0f);
  const std::vector<float> y =
      same_everywhere(count, [&](const Kernels& kernels, const Stream& stream, float* result) {
        kernels.dropout(
            stream,
            {.x = x.data(), .count = count, .rate = 0.25f, .seed = 7, .stream = 3, .y = result});
      });
  i64 left_out = 0;
  for (const float value : y) {
    EXPECT_TRUE(value == 0.0f || value == 2.0f / 0.75f);
    if (value == 0.0f) ++left_out;
  }
  // Five standard deviations of a binomial of 40,003 at 0.25.
  EXPECT_NEAR(static_cast<double>(left_out), 0.25 * count, 435.0);
}

}  // namespace
}  // namespace medlar::backend
