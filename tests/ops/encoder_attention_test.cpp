// The attentions of encoders against a reference in double, each backend's bits against the plain
// loops, gradients against finite differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>

#include "base/error.h"
#include "ops/ops.h"
#include "support/machine.h"
#include "support/random.h"

namespace medlar::ops {
namespace {

using tests::Machine;
using tests::normal_values;

/// Lengths that are no multiples of the panels of 16 or of the tile's rows, one below a panel.
const std::vector<i64> all_starts = {0, 37, 38, 90, 95};
constexpr i64 rows = 95;
constexpr i64 heads = 3;
constexpr i64 size = 20;
constexpr i64 places = 12;
constexpr i64 window = 5;

struct Inputs {
  Projected local, global;
  Tensor place_keys, place_queries, wide;
  std::vector<i64> place_of;

  explicit Inputs(Machine& m)
      : local(projected(m, 1)),
        global(projected(m, 4)),
        place_keys(values(m, {places, heads, size}, 7)),
        place_queries(values(m, {places, heads, size}, 8)),
        wide(Tensor::zeros(m.pool, {rows}, DType::i64)) {
    for (i64 distance = -51; distance <= 51; ++distance)
      place_of.push_back(std::clamp(distance / 3 + places / 2, i64{0}, places - 1));
    for (const i64 row : {0, 20, 36, 50}) wide.i64s()[row] = 1;
  }

  static Tensor values(Machine& m, Shape shape, u64 seed) {
    return Tensor::of(m.pool, shape, std::span<const float>(normal_values(shape.count(), seed)));
  }
  static Projected projected(Machine& m, u64 seed) {
    const Shape shape = {rows, heads, size};
    return {values(m, shape, seed), values(m, shape, seed + 1), values(m, shape, seed + 2)};
  }
};

double dot(const Tensor& a, i64 at_a, const Tensor& b, i64 at_b) {
  double sum = 0.0;
  for (i64 d = 0; d < size; ++d)
    sum += static_cast<double>(a.f32()[at_a + d]) * static_cast<double>(b.f32()[at_b + d]);
  return sum;
}

i64 row_at(i64 row, i64 head) { return (row * heads + head) * size; }

/// Softmax over the keys of the row's sequence for which `score` gives something.
using Score = std::function<std::optional<double>(i64 i, i64 j, i64 head)>;

void expect_attention(const Tensor& y, const Score& score,
                      const std::function<const Tensor&(i64 i)>& values_of) {
  for (std::size_t s = 0; s + 1 < all_starts.size(); ++s) {
    for (i64 i = all_starts[s]; i < all_starts[s + 1]; ++i) {
      for (i64 head = 0; head < heads; ++head) {
        std::vector<double> expected(size, 0.0);
        double total = 0.0;
        for (i64 j = all_starts[s]; j < all_starts[s + 1]; ++j) {
          const std::optional<double> found = score(i, j, head);
          if (!found) continue;
          total += std::exp(*found);
          for (i64 d = 0; d < size; ++d) {
            expected[static_cast<std::size_t>(d)] +=
                std::exp(*found) * static_cast<double>(values_of(i).f32()[row_at(j, head) + d]);
          }
        }
        for (i64 d = 0; d < size; ++d) {
          // 60 float roundings of values of order 1.
          EXPECT_NEAR(y.f32()[row_at(i, head) + d], expected[static_cast<std::size_t>(d)] / total,
                      1e-5)
              << "row " << i << " head " << head;
        }
      }
    }
  }
}

constexpr float scale = 0.15f;

Tensor disentangled(Machine& m, const Inputs& in) {
  Context ctx = m.context();
  return disentangled_attention(ctx, in.local.q, in.local.k, in.local.v, all_starts,
                                {.scale = scale,
                                 .place_keys = &in.place_keys,
                                 .place_queries = &in.place_queries,
                                 .place_of = in.place_of});
}

Tensor with_globals(Machine& m, const Inputs& in) {
  Context ctx = m.context();
  return global_attention(ctx, in.local, &in.global, in.wide, all_starts,
                          {.scale = scale, .mask = Mask::bidirectional, .window = window});
}

TEST(EncoderAttention, DisentangledIsTheSumOfThreeTerms) {
  Machine m;
  const Inputs in(m);
  const Tensor y = disentangled(m, in);
  expect_attention(
      y,
      [&](i64 i, i64 j, i64 head) -> std::optional<double> {
        const i64 place = row_at(in.place_of[static_cast<std::size_t>(i - j + 51)], head);
        const i64 q = row_at(i, head);
        const i64 k = row_at(j, head);
        return static_cast<double>(scale) *
               (dot(in.local.q, q, in.local.k, k) + dot(in.local.q, q, in.place_keys, place) +
                dot(in.local.k, k, in.place_queries, place));
      },
      [&](i64) -> const Tensor& { return in.local.v; });
}

TEST(EncoderAttention, GlobalTokensSeeAllAndAreSeenByAll) {
  Machine m;
  const Inputs in(m);
  const Tensor y = with_globals(m, in);
  const auto wide = [&](i64 row) { return in.wide.i64s()[row] != 0; };
  expect_attention(
      y,
      [&](i64 i, i64 j, i64 head) -> std::optional<double> {
        if (!wide(i) && !wide(j) && std::abs(i - j) > window) return std::nullopt;
        const Projected& p = wide(i) ? in.global : in.local;
        return static_cast<double>(scale) * dot(p.q, row_at(i, head), p.k, row_at(j, head));
      },
      [&](i64 i) -> const Tensor& { return wide(i) ? in.global.v : in.local.v; });
}

TEST(EncoderAttention, EveryBackendAndThreadCountGivesTheSameBits) {
  Machine plain("reference", 1);
  const Inputs in(plain);
  for (const std::string& isa : backend::available_backends()) {
    for (const i64 threads : {1, 3}) {
      Machine m(isa, threads);
      for (const auto& run : {disentangled, with_globals}) {
        const Tensor expected = run(plain, in);
        const Tensor got = run(m, in);
        EXPECT_EQ(std::memcmp(got.f32(), expected.f32(), static_cast<std::size_t>(got.count()) * 4),
                  0)
            << isa << " with " << threads << " threads";
      }
    }
  }
}

TEST(EncoderAttention, ASequenceAloneGivesTheBitsItHasInABatch) {
  Machine m;
  const Inputs in(m);
  const Tensor whole = disentangled(m, in);
  const i64 first = all_starts[2];
  const i64 length = all_starts[3] - first;
  const auto part = [&](const Tensor& x) {
    return Tensor::of(m.pool, {length, heads, size},
                      x.values().subspan(static_cast<std::size_t>(row_at(first, 0)),
                                         static_cast<std::size_t>(length * heads * size)));
  };
  Context ctx = m.context();
  const std::vector<i64> starts = {0, length};
  const Tensor alone =
      disentangled_attention(ctx, part(in.local.q), part(in.local.k), part(in.local.v), starts,
                             {.scale = scale,
                              .place_keys = &in.place_keys,
                              .place_queries = &in.place_queries,
                              .place_of = in.place_of});
  EXPECT_EQ(
      std::memcmp(alone.f32(), part(whole).f32(), static_cast<std::size_t>(alone.count()) * 4), 0);
}

TEST(EncoderAttention, RefusesPlacesThatAreNotThere) {
  Machine m;
  Inputs in(m);
  in.place_of.back() = places;
  EXPECT_THROW(disentangled(m, in), Error);
  in.place_of.resize(3);
  EXPECT_THROW(disentangled(m, in), Error);
}

TEST(EncoderAttention, NeighboursStayInsideTheirSequence) {
  Machine m;
  Context ctx = m.context();
  const std::vector<float> x = {1, 2, 3, 4, 5};
  const std::vector<i64> starts = {0, 2, 5};
  const Tensor y =
      neighbours(ctx, Tensor::of(m.pool, {5, 1}, std::span<const float>(x)), starts, 3);
  const std::vector<float> expected = {0, 1, 2, 1, 2, 0, 0, 3, 4, 3, 4, 5, 4, 5, 0};
  EXPECT_EQ(std::vector<float>(y.values().begin(), y.values().end()), expected);
}

}  // namespace
}  // namespace medlar::ops
