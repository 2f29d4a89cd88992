// Every cpu variant against a double-precision reference, and all variants against each other bit
// for bit.
#include "backend/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "backend/cpu/shared.h"
#include "backend/variants.h"
#include "base/error.h"
#include "support/random.h"

namespace medlar::backend {

namespace {

using medlar::tests::normal_values;
using tests::same_everywhere;
using tests::variants;

/// A matrix encoded in a format, as rows.
struct Encoded {
  std::vector<std::byte> bytes;
  std::vector<float> values;  ///< what the bytes decode to

  Encoded(QuantFormat format, i64 out, i64 in, u64 seed)
      : bytes(static_cast<std::size_t>(bytes_of(format, out * in))),
        values(static_cast<std::size_t>(out * in)) {
    quantise(format, normal_values(out * in, seed), bytes);
    dequantise(format, bytes, values);
  }
  WeightView rows(QuantFormat format, i64 out, i64 in) const {
    return {format, WeightLayout::rows, bytes.data(), out, in};
  }
};

struct LinearCase {
  i64 rows, out, in;
};

class LinearTest : public testing::TestWithParam<LinearCase> {};

TEST_P(LinearTest, IsTheProductInEveryFormatAndLayout) {
  const auto [rows, out, in] = GetParam();
  for (const QuantFormat format : {QuantFormat::f32, QuantFormat::bf16, QuantFormat::f16,
                                   QuantFormat::q8_0, QuantFormat::q4_0}) {
    if (in % layout_of(format).block_values != 0) continue;
    const Encoded w(format, out, in, 7);
    const std::vector<float> x = normal_values(rows * in, 11);
    const std::vector<float> bias = normal_values(out, 13);
    for (const WeightLayout layout : {WeightLayout::rows, WeightLayout::panels}) {
      if (layout == WeightLayout::panels && cpu::panel_stride(format, in) == 0) continue;
      const std::vector<float> y = same_everywhere(
          rows * out, [&](const Kernels& kernels, const Stream& stream, float* result) {
            WeightView view = w.rows(format, out, in);
            std::vector<std::byte> panels(
                static_cast<std::size_t>(kernels.panel_bytes(format, out, in)));
            if (layout == WeightLayout::panels) {
              kernels.pack(stream, view, nullptr, panels.data());
              view.layout = layout;
              view.data = panels.data();
            }
            kernels.linear(
                stream,
                {.x = x.data(), .rows = rows, .weight = view, .bias = bias.data(), .y = result});
          });
      for (i64 r = 0; r < rows; ++r) {
        for (i64 o = 0; o < out; ++o) {
          double sum = bias[static_cast<std::size_t>(o)];
          double magnitude = std::fabs(sum);
          for (i64 k = 0; k < in; ++k) {
            const double term =
                static_cast<double>(w.values[static_cast<std::size_t>(o * in + k)]) *
                static_cast<double>(x[static_cast<std::size_t>(r * in + k)]);
            sum += term;
            magnitude += std::fabs(term);
          }
          // Each of the `in` additions may round by half a unit in the last place of the running
          // sum.
          EXPECT_NEAR(y[static_cast<std::size_t>(r * out + o)], sum,
                      magnitude * 0x1p-24 * static_cast<double>(in + 1))
              << layout_of(format).name;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LinearTest,
                         testing::Values(LinearCase{1, 1, 1}, LinearCase{1, 16, 32},
                                         LinearCase{1, 130, 96}, LinearCase{2, 17, 33},
                                         LinearCase{3, 64, 256}, LinearCase{6, 31, 288},
                                         LinearCase{7, 48, 512}, LinearCase{13, 65, 320},
                                         LinearCase{25, 144, 544}));

TEST(LinearKernel, DoesNotDependOnTheOtherRows) {
  constexpr i64 rows = 13, out = 40, in = 288;
  const Encoded w(QuantFormat::q8_0, out, in, 3);
  const std::vector<float> x = normal_values(rows * in, 5);
  for (const Kernels* kernels : variants()) {
    ThreadPool threads(2);
    const Stream stream = {&threads};
    std::vector<std::byte> panels(
        static_cast<std::size_t>(kernels->panel_bytes(QuantFormat::q8_0, out, in)));
    kernels->pack(stream, w.rows(QuantFormat::q8_0, out, in), nullptr, panels.data());
    const WeightView view = {QuantFormat::q8_0, WeightLayout::panels, panels.data(), out, in};
    std::vector<float> together(rows * out);
    kernels->linear(
        stream,
        {.x = x.data(), .rows = rows, .weight = view, .bias = nullptr, .y = together.data()});
    for (i64 r = 0; r < rows; ++r) {
      std::vector<float> alone(out);
      kernels->linear(
          stream,
          {.x = x.data() + r * in, .rows = 1, .weight = view, .bias = nullptr, .y = alone.data()});
      EXPECT_EQ(std::memcmp(alone.data(), together.data() + r * out, out * sizeof(float)), 0)
          << kernels->name << " row " << r;
    }
  }
}

TEST(PackKernel, ReordersRowsAndEmbedReadsThemBack) {
  constexpr i64 out = 35, in = 64;
  for (const QuantFormat format :
       {QuantFormat::f32, QuantFormat::bf16, QuantFormat::f16, QuantFormat::q8_0}) {
    const Encoded w(format, out, in, 17);
    std::vector<i64> row_of(out);
    std::vector<i64> ids(out);
    for (i64 r = 0; r < out; ++r) {
      row_of[static_cast<std::size_t>(r)] = (r * 11) % out;
      ids[static_cast<std::size_t>(r)] = r;
    }
    const std::vector<float> y =
        same_everywhere(out * in, [&](const Kernels& kernels, const Stream& stream, float* result) {
          std::vector<std::byte> panels(
              static_cast<std::size_t>(kernels.panel_bytes(format, out, in)));
          kernels.pack(stream, w.rows(format, out, in), row_of.data(), panels.data());
          kernels.embed(stream, {.ids = ids.data(),
                                 .rows = out,
                                 .weight = {format, WeightLayout::panels, panels.data(), out, in},
                                 .y = result});
        });
    for (i64 r = 0; r < out; ++r) {
      for (i64 k = 0; k < in; ++k) {
        EXPECT_EQ(y[static_cast<std::size_t>(r * in + k)],
                  w.values[static_cast<std::size_t>(row_of[static_cast<std::size_t>(r)] * in + k)]);
      }
    }
  }
}

TEST(NormKernels, MatchDoublePrecision) {
  for (const i64 width : {1, 15, 16, 17, 64, 100, 768}) {
    constexpr i64 rows = 5;
    const std::vector<float> x = normal_values(rows * width, 23, 3.0f);
    const std::vector<float> weight = normal_values(width, 29);
    const std::vector<float> bias = normal_values(width, 31);
    const auto run = [&](auto slot, const float* b) {
      return same_everywhere(rows * width,
                             [&](const Kernels& kernels, const Stream& stream, float* result) {
                               (kernels.*slot)(stream, {.x = x.data(),
                                                        .rows = rows,
                                                        .width = width,
                                                        .weight = weight.data(),
                                                        .bias = b,
                                                        .epsilon = 1e-5f,
                                                        .y = result});
                             });
    };
    const std::vector<float> rms = run(&Kernels::rms_norm, nullptr);
    const std::vector<float> layer = run(&Kernels::layer_norm, bias.data());
    for (i64 r = 0; r < rows; ++r) {
      double mean = 0.0;
      double squares = 0.0;
      for (i64 i = 0; i < width; ++i) {
        const double v = x[static_cast<std::size_t>(r * width + i)];
        mean += v / static_cast<double>(width);
        squares += v * v / static_cast<double>(width);
      }
      double variance = 0.0;
      for (i64 i = 0; i < width; ++i)
        variance +=
            std::pow(static_cast<double>(x[static_cast<std::size_t>(r * width + i)]) - mean, 2) /
            static_cast<double>(width);
      for (i64 i = 0; i < width; ++i) {
        const auto at = static_cast<std::size_t>(r * width + i);
        const double w = weight[static_cast<std::size_t>(i)];
        // A handful of roundings of values below 10, and the sum's.
        EXPECT_NEAR(rms[at], static_cast<double>(x[at]) / std::sqrt(squares + 1e-5) * w, 1e-5);
        EXPECT_NEAR(layer[at],
                    (static_cast<double>(x[at]) - mean) / std::sqrt(variance + 1e-5) * w +
                        static_cast<double>(bias[static_cast<std::size_t>(i)]),
                    width == 1 ? 1e-4 : 1e-5);
      }
    }
  }
}

TEST(SoftmaxKernel, SumsToOneAndMatchesDoublePrecision) {
  for (const i64 width : {1, 7, 16, 33, 1000}) {
    constexpr i64 rows = 4;
    const std::vector<float> x = normal_values(rows * width, 37, 8.0f);
    const std::vector<float> y = same_everywhere(
        rows * width, [&](const Kernels& kernels, const Stream& stream, float* result) {
          kernels.softmax(stream, {.x = x.data(), .rows = rows, .width = width, .y = result});
        });
    for (i64 r = 0; r < rows; ++r) {
      double highest = -INFINITY;
      double total = 0.0;
      for (i64 i = 0; i < width; ++i)
        highest =
            std::max(highest, static_cast<double>(x[static_cast<std::size_t>(r * width + i)]));
      for (i64 i = 0; i < width; ++i)
        total +=
            std::exp(static_cast<double>(x[static_cast<std::size_t>(r * width + i)]) - highest);
      for (i64 i = 0; i < width; ++i) {
        const auto at = static_cast<std::size_t>(r * width + i);
        EXPECT_NEAR(y[at], std::exp(static_cast<double>(x[at]) - highest) / total, 5e-7);
      }
    }
  }
}

double exact(Unary f, double x) {
  switch (f) {
    case Unary::silu:
      return x / (1.0 + std::exp(-x));
    case Unary::gelu:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Unary::gelu_tanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case Unary::quick_gelu:
      return x / (1.0 + std::exp(-1.702 * x));
    case Unary::relu:
      return std::max(x, 0.0);
    case Unary::tanh:
      return std::tanh(x);
    case Unary::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Unary::exp:
      return std::exp(x);
  }
  return NAN;
}

TEST(UnaryKernel, IsWithinAFewUnitsOfTheLastPlace) {
  std::vector<float> x;
  for (float v = -30.0f; v <= 30.0f; v += 0.01f) x.push_back(v);
  for (const float v : {0.0f, -0.0f, 1e-20f, -1e-20f, 87.0f, -86.9f}) x.push_back(v);
  for (const Unary f : {Unary::silu, Unary::gelu, Unary::gelu_tanh, Unary::quick_gelu, Unary::relu,
                        Unary::tanh, Unary::sigmoid, Unary::exp}) {
    const std::vector<float> y = same_everywhere(
        ssize_of(x), [&](const Kernels& kernels, const Stream& stream, float* result) {
          kernels.unary(stream, f, x.data(), ssize_of(x), result);
        });
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = exact(f, static_cast<double>(x[i]));
      // Relative for what grows, absolute near zero: tanh and erf are 1 minus something there.
      EXPECT_NEAR(y[i], expected, 4e-7 * std::max(1.0, std::fabs(expected)))
          << static_cast<int>(f) << " at " << x[i];
    }
  }
}

TEST(UnaryKernel, KeepsInfinitiesAndNotANumber) {
  const std::vector<float> x = {-INFINITY, NAN, -100.0f};
  const std::vector<float> y =
      same_everywhere(3, [&](const Kernels& kernels, const Stream& stream, float* result) {
        kernels.unary(stream, Unary::exp, x.data(), 3, result);
        result[1] = std::isnan(result[1]) ? 1.0f : 0.0f;
      });
  EXPECT_EQ(y, (std::vector<float>{0.0f, 1.0f, 0.0f}));
}

struct AttentionCase {
  i64 keys, rows, heads, kv_heads, size;
  Mask mask;
  i64 window;
  bool sinks = false;
};

class AttentionTest : public testing::TestWithParam<AttentionCase> {};

/// Pages that hold random keys and values, in shuffled order.
struct Pages {
  std::vector<float> k, v, keys, values;
  std::vector<i64> numbers;
  KvPages view;

  explicit Pages(const AttentionCase& c)
      : k(normal_values(c.keys * c.kv_heads * c.size, 41)),
        v(normal_values(c.keys * c.kv_heads * c.size, 43)) {
    const i64 count = ceil_div(c.keys, page_keys) + 1;
    keys.assign(static_cast<std::size_t>(count * c.kv_heads * key_page_floats(c.size)), 0.0f);
    values.assign(static_cast<std::size_t>(count * c.kv_heads * value_page_floats(c.size)), 0.0f);
    for (i64 page = 0; page + 1 < count; ++page) numbers.push_back(count - 1 - page);
    view = {keys.data(), values.data(), c.kv_heads, c.size, c.size};
    std::vector<i64> slots;
    for (i64 j = 0; j < c.keys; ++j)
      slots.push_back(numbers[static_cast<std::size_t>(j / page_keys)] * page_keys + j % page_keys);
    ThreadPool threads(1);
    reference_kernels().store_kv(
        {&threads},
        {.k = k.data(), .v = v.data(), .slots = slots.data(), .rows = c.keys, .pages = view});
  }
};

TEST_P(AttentionTest, IsSoftmaxOfScaledProductsOverVisibleKeys) {
  const AttentionCase c = GetParam();
  const Pages pages(c);
  const std::vector<float> q = normal_values(c.rows * c.heads * c.size, 47);
  const std::vector<float> sinks = normal_values(c.heads, 59);
  const float scale = 1.0f / std::sqrt(static_cast<float>(c.size));
  const i64 first = c.keys - c.rows;
  const AttentionSequence sequence = {.first_row = 0,
                                      .rows = c.rows,
                                      .first_position = first,
                                      .keys = c.keys,
                                      .pages = pages.numbers.data()};
  const std::vector<float> y = same_everywhere(
      c.rows * c.heads * c.size, [&](const Kernels& kernels, const Stream& stream, float* result) {
        kernels.attention(stream, {.q = q.data(),
                                   .heads = c.heads,
                                   .pages = pages.view,
                                   .sequences = {&sequence, 1},
                                   .scale = scale,
                                   .mask = c.mask,
                                   .window = c.window,
                                   .sinks = c.sinks ? sinks.data() : nullptr,
                                   .y = result,
                                   .log_sum = nullptr});
      });
  for (i64 t = 0; t < c.rows; ++t) {
    for (i64 h = 0; h < c.heads; ++h) {
      const i64 kv = h / (c.heads / c.kv_heads);
      std::vector<double> p(static_cast<std::size_t>(c.keys), 0.0);
      double total =
          c.sinks ? std::exp(static_cast<double>(sinks[static_cast<std::size_t>(h)])) : 0.0;
      for (i64 j = 0; j < c.keys; ++j) {
        const i64 distance = first + t - j;
        const bool visible = c.mask == Mask::causal
                                 ? distance >= 0 && (c.window == 0 || distance < c.window)
                                 : c.window == 0 || std::abs(distance) <= c.window;
        if (!visible) continue;
        double dot = 0.0;
        for (i64 d = 0; d < c.size; ++d)
          dot += static_cast<double>(q[static_cast<std::size_t>((t * c.heads + h) * c.size + d)]) *
                 static_cast<double>(
                     pages.k[static_cast<std::size_t>((j * c.kv_heads + kv) * c.size + d)]);
        total += p[static_cast<std::size_t>(j)] = std::exp(dot * static_cast<double>(scale));
      }
      for (i64 d = 0; d < c.size; ++d) {
        double expected = 0.0;
        for (i64 j = 0; j < c.keys; ++j)
          expected += p[static_cast<std::size_t>(j)] / total *
                      static_cast<double>(
                          pages.v[static_cast<std::size_t>((j * c.kv_heads + kv) * c.size + d)]);
        EXPECT_NEAR(y[static_cast<std::size_t>((t * c.heads + h) * c.size + d)], expected, 2e-6);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         testing::Values(AttentionCase{1, 1, 1, 1, 8, Mask::causal, 0},
                                         AttentionCase{1, 1, 4, 2, 8, Mask::causal, 0, true},
                                         AttentionCase{150, 33, 8, 2, 16, Mask::causal, 20, true},
                                         AttentionCase{5, 5, 2, 1, 16, Mask::causal, 0},
                                         AttentionCase{64, 64, 4, 2, 8, Mask::causal, 0},
                                         AttentionCase{65, 1, 4, 4, 20, Mask::causal, 0},
                                         AttentionCase{150, 33, 8, 2, 64, Mask::causal, 0},
                                         AttentionCase{200, 70, 2, 2, 24, Mask::causal, 10},
                                         AttentionCase{300, 300, 3, 1, 32, Mask::causal, 100},
                                         AttentionCase{130, 130, 2, 2, 16, Mask::bidirectional, 0},
                                         AttentionCase{200, 200, 2, 1, 12, Mask::bidirectional,
                                                       20}));

TEST(AttentionKernel, RowsDoNotDependOnHowTheSequenceIsCut) {
  const AttentionCase c = {.keys = 200,
                           .rows = 200,
                           .heads = 6,
                           .kv_heads = 2,
                           .size = 16,
                           .mask = Mask::causal,
                           .window = 70};
  const Pages pages(c);
  const std::vector<float> q = normal_values(c.rows * c.heads * c.size, 53);
  for (const Kernels* kernels : variants()) {
    ThreadPool threads(2);
    std::vector<float> whole(q.size());
    const auto run = [&](i64 first, i64 rows, float* y) {
      // The keys after the stretch are there already here, as zeros or not must not matter.
      const AttentionSequence s = {.first_row = 0,
                                   .rows = rows,
                                   .first_position = first,
                                   .keys = first + rows,
                                   .pages = pages.numbers.data()};
      kernels->attention({&threads}, {.q = q.data() + first * c.heads * c.size,
                                      .heads = c.heads,
                                      .pages = pages.view,
                                      .sequences = {&s, 1},
                                      .scale = 0.25f,
                                      .mask = c.mask,
                                      .window = c.window,
                                      .y = y,
                                      .log_sum = nullptr});
    };
    run(0, c.rows, whole.data());
    for (const i64 chunk : {1, 7, 64}) {
      std::vector<float> cut(q.size());
      for (i64 first = 0; first < c.rows; first += chunk)
        run(first, std::min(chunk, c.rows - first), cut.data() + first * c.heads * c.size);
      EXPECT_EQ(std::memcmp(whole.data(), cut.data(), whole.size() * sizeof(float)), 0)
          << kernels->name << " chunk " << chunk;
    }
  }
}

struct RouteCase {
  RouteArgs args;
  std::vector<i64> index;
  std::vector<float> weights;
};

/// Runs one row through the reference backend.
RouteCase routed(std::vector<float> scores, std::vector<float> bias, RouteArgs args) {
  RouteCase result = {.args = args, .index = {}, .weights = {}};
  result.index.resize(static_cast<std::size_t>(args.chosen));
  result.weights.resize(static_cast<std::size_t>(args.chosen));
  args.scores = scores.data();
  args.bias = bias.empty() ? nullptr : bias.data();
  args.rows = 1;
  args.experts = ssize_of(scores);
  args.index = result.index.data();
  args.y = result.weights.data();
  ThreadPool threads(1);
  reference_kernels().route({&threads}, args);
  return result;
}

RouteArgs choosing(i64 chosen, ExpertWeights weights) {
  return {.scores = nullptr,
          .bias = nullptr,
          .rows = 1,
          .experts = 0,
          .chosen = chosen,
          .groups = 1,
          .kept_groups = 1,
          .weights = weights,
          .factor = 1.0f,
          .index = nullptr,
          .y = nullptr};
}

TEST(Route, TakesTheBestAndOfEqualOnesTheFirst) {
  const RouteCase r = routed({1.0f, 3.0f, 3.0f, 2.0f}, {}, choosing(3, ExpertWeights::as_scored));
  EXPECT_EQ(r.index, (std::vector<i64>{1, 2, 3}));
  EXPECT_EQ(r.weights, (std::vector<float>{3.0f, 3.0f, 2.0f}));
}

TEST(Route, BiasChoosesAndDoesNotWeigh) {
  RouteArgs args = choosing(2, ExpertWeights::sum_to_one);
  args.factor = 2.5f;
  const RouteCase r = routed({0.2f, 0.6f, 0.3f, 0.1f}, {0.0f, 0.0f, 0.0f, 1.0f}, args);
  EXPECT_EQ(r.index, (std::vector<i64>{3, 1}));
  EXPECT_NEAR(r.weights[0], 2.5f * 0.1f / 0.7f, 1e-6f);
  EXPECT_NEAR(r.weights[1], 2.5f * 0.6f / 0.7f, 1e-6f);
}

TEST(Route, OnlyTheBestGroupsByTheirTwoBestTakePart) {
  RouteArgs args = choosing(2, ExpertWeights::as_scored);
  args.groups = 2;
  // The single best expert is in the first group, the best pair in the second.
  const RouteCase r = routed({0.9f, 0.0f, 0.5f, 0.6f}, {}, args);
  EXPECT_EQ(r.index, (std::vector<i64>{3, 2}));
}

TEST(Route, SoftmaxIsOverTheChosenAlone) {
  const RouteCase r = routed({5.0f, 1.0f, 2.0f}, {}, choosing(2, ExpertWeights::softmax));
  EXPECT_EQ(r.index, (std::vector<i64>{0, 2}));
  EXPECT_NEAR(r.weights[0], 1.0f / (1.0f + std::exp(-3.0f)), 1e-6f);
}

TEST(Route, BrokenScoresStillChooseExpertsThatExist) {
  const float nan = std::nanf("");
  const RouteCase r = routed({nan, 1.0f, nan}, {}, choosing(3, ExpertWeights::as_scored));
  EXPECT_EQ(r.index[0], 1);
  for (const i64 index : r.index) EXPECT_TRUE(index >= 0 && index < 3);
}

TEST(EncoderAttention, IsTheSameEverywhere) {
  constexpr i64 rows = 77, heads = 2, size = 24, places = 9, longest = 50;
  const std::vector<i64> starts = {0, 50, 77};
  const std::vector<float> x = normal_values(5 * rows * heads * size, 3);
  const auto part = [&](i64 n) { return x.data() + n * rows * heads * size; };
  std::vector<i64> place_of;
  for (i64 i = 0; i < 2 * longest - 1; ++i) place_of.push_back(i * places / (2 * longest));
  std::vector<i64> wide(static_cast<std::size_t>(rows), 0);
  wide[3] = wide[60] = 1;
  for (const i64 window : {0, 4}) {
    same_everywhere(rows * heads * size, [&](const Kernels& k, const Stream& stream, float* y) {
      std::fill_n(y, rows * heads * size, 0.0f);
      k.encoder_attention(stream, {.q = part(0),
                                   .k = part(1),
                                   .v = part(2),
                                   .heads = heads,
                                   .size = size,
                                   .starts = starts.data(),
                                   .sequences = 2,
                                   .scale = 0.2f,
                                   .place_keys = window == 0 ? part(3) : nullptr,
                                   .place_queries = window == 0 ? part(4) : nullptr,
                                   .places = window == 0 ? places : 0,
                                   .place_of = window == 0 ? place_of.data() : nullptr,
                                   .longest = longest,
                                   .window = window,
                                   .wide = window == 0 ? nullptr : wide.data(),
                                   .which = window == 0 ? EncoderRows::all : EncoderRows::narrow,
                                   .y = y,
                                   .log_sum = nullptr});
    });
  }
}

TEST(Backends, UnknownAndMissingOnesAreNamed) {
  EXPECT_THROW(kernels_named("sse9"), Error);
  EXPECT_EQ(kernels_named("reference").name, "reference");
  EXPECT_EQ(kernels_named("auto").name, available_backends().front());
}

}  // namespace
}  // namespace medlar::backend
