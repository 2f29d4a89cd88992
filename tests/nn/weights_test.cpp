#include "nn/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "nn/rope.h"
#include "support/machine.h"
#include "support/random.h"

namespace medlar::nn {
namespace {

using formats::Checkpoint;
using formats::Container;
using formats::StoredTensor;
using tests::Machine;
using tests::normal_values;

/// A checkpoint in memory.
struct InMemory {
  std::vector<std::vector<float>> values;
  Checkpoint checkpoint;

  void add(const std::string& name, Shape shape) {
    values.push_back(normal_values(shape.count(), static_cast<u64>(values.size())));
    const std::span<const float> all(values.back());
    checkpoint.tensors[name] = {.name = name,
                                .format = QuantFormat::f32,
                                .shape = shape,
                                .bytes = std::as_bytes(all),
                                .owner = nullptr};
  }
};

TEST(NameRule, StarsStandForTheSameText) {
  const NameRule rule = {Container::gguf, "model.layers.*.mlp.*_proj.*", "blk.*.ffn_*.*"};
  EXPECT_EQ(apply_rule(rule, "model.layers.12.mlp.down_proj.weight"), "blk.12.ffn_down.weight");
  EXPECT_EQ(apply_rule(rule, "model.layers.12.attn.q_proj.weight"), std::nullopt);
  EXPECT_EQ(apply_rule({Container::gguf, "norm.weight", "n"}, "norm.weight"), "n");
}

TEST(NameRule, DotsAreSlashesInTensorFlow) {
  const NameRule rule = {Container::tensorflow, "layer.*.weight", "layer_*/kernel"};
  EXPECT_EQ(apply_rule(rule, "layer.3.attention.self.query.weight"),
            "layer_3/attention/self/query/kernel");
}

TEST(Weights, NameWhatIsMissingMisShapedAndLeftOver) {
  Machine m;
  ops::Context ctx = m.context();
  InMemory stored;
  stored.add("layers.0.q.weight", {4, 6});
  stored.add("layers.0.q.bias", {4});
  stored.add("extra", {1});
  const Weights w(ctx, {.checkpoint = &stored.checkpoint, .rules = {}});
  const Weights layer = w.at("layers", 0);
  EXPECT_EQ(layer.linear("q", 4, 6, Split::none, Bias::present).out, 4);
  EXPECT_EQ(w.unused(), std::vector<std::string>{"extra"});
  try {
    layer.linear("q", 4, 8);
    FAIL() << "a wrong shape passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::shape_mismatch);
    EXPECT_NE(std::string(error.what()).find("layers.0.q.weight"), std::string::npos);
  }
  EXPECT_THROW(layer.linear("k", 4, 6), Error);
  EXPECT_FALSE(layer.linear("q", 4, 6).bias.has_value());
}

/// First value of each row and the bias of the middle one of three matrices [4, 1] in one [12, 1].
std::vector<float> middle_part(Rows which, double version) {
  Machine m("reference", 1);
  ops::Context ctx = m.context();
  InMemory file;
  file.add("qkv.weight", {12, 1});
  file.add("qkv.bias", {12});
  for (std::size_t row = 0; row < 12; ++row)
    file.values[0][row] = file.values[1][row] = static_cast<float>(row);
  file.checkpoint.metadata["checkpoint_version"] = version;
  const NameRule rules[] = {{Container::huggingface, "k.*", "qkv.*", Stored::as_is, which}};
  const Weights w(ctx, {.checkpoint = &file.checkpoint, .rules = rules});
  const Linear k = w.with_heads(2).linear("k", 4, 1, Split::none, Bias::present);
  const std::vector<i64> ids = {0, 1, 2, 3};
  const Tensor rows = ops::embed(ctx, Tensor::of(m.pool, {4}, std::span<const i64>(ids)), k.weight);
  EXPECT_TRUE(std::ranges::equal(rows.values(), k.bias->values()));
  return {rows.values().begin(), rows.values().end()};
}

TEST(Weights, TakeTheirPartOfAFusedMatrix) {
  using List = std::vector<float>;
  EXPECT_EQ(middle_part(Rows::next_to_last, 0.0), (List{4, 5, 6, 7}));
  EXPECT_EQ(middle_part(Rows::megatron_k, 0.0), (List{4, 5, 6, 7}));
  EXPECT_EQ(middle_part(Rows::megatron_k, 1.0), (List{1, 4, 7, 10}));
  EXPECT_EQ(middle_part(Rows::megatron_k, 3.0), (List{2, 3, 8, 9}));
}

TEST(Weights, UndoThePairsOrderOfRopeRows) {
  Machine m("reference", 1);
  ops::Context ctx = m.context();
  InMemory stored;
  stored.add("wq.weight", {8, 3});  // two heads of four rows
  stored.checkpoint.container = Container::llama2c;
  const NameRule rules[] = {{Container::llama2c, "q.*", "wq.*", Stored::rope_pairs}};
  const Weights w(ctx, {.checkpoint = &stored.checkpoint, .rules = rules});
  const Linear q = w.with_heads(2).linear("q", 8, 3);
  std::vector<i64> ids(8);
  for (i64 i = 0; i < 8; ++i) ids[static_cast<std::size_t>(i)] = i;
  const Tensor rows = ops::embed(ctx, Tensor::of(m.pool, {8}, std::span<const i64>(ids)), q.weight);
  // Row (head, s * 2 + j) of ours is stored as (head, 2j + s).
  const i64 stored_row[] = {0, 2, 1, 3, 4, 6, 5, 7};
  for (i64 r = 0; r < 8; ++r) {
    for (i64 k = 0; k < 3; ++k) {
      EXPECT_EQ(rows.f32()[r * 3 + k],
                stored.values[0][static_cast<std::size_t>(stored_row[r] * 3 + k)]);
    }
  }
}

TEST(Rope, ScalesLongWavelengthsOnly) {
  const RopeConfig plain = {.rotary = 64, .theta = 500000.0};
  RopeConfig llama3 = plain;
  llama3.scaling = RopeScaling::llama3;
  llama3.factor = 8.0;
  llama3.original_context = 8192.0;
  const std::vector<float> before = Rope(plain).frequencies();
  const std::vector<float> after = Rope(llama3).frequencies();
  EXPECT_EQ(after.front(), before.front()) << "short wavelengths stay";
  EXPECT_FLOAT_EQ(after.back(), before.back() / 8.0f) << "long ones slow down";
  EXPECT_EQ(after.size(), 32u);
  EXPECT_THROW(Rope(RopeConfig{.rotary = 3}), Error);
}

/// What x [1, 3] gives under a rule that finds "fused.weight" for "a.weight" [2, 3].
std::vector<float> through(const InMemory& stored, Stored how, Rows rows) {
  Machine m;
  ops::Context ctx = m.context();
  const NameRule rules[] = {{Container::huggingface, "a.*", "fused.*", how, rows}};
  const Weights w(ctx, {.checkpoint = &stored.checkpoint, .rules = rules});
  const std::vector<float> ones(3, 1.0f);
  const Tensor y = w.linear("a", 2, 3)(ctx, Tensor::of(m.pool, {1, 3}, std::span(ones)));
  return {y.f32(), y.f32() + 2};
}

TEST(Weights, TakeTheirRowsOfAFusedMatrix) {
  InMemory stored;
  stored.add("fused.weight", {6, 3});
  const std::vector<float>& v = stored.values[0];
  const auto sum = [&](std::size_t row) {
    return std::fma(v[row * 3 + 2], 1.0f, std::fma(v[row * 3 + 1], 1.0f, v[row * 3]));
  };
  using List = std::vector<float>;
  EXPECT_EQ(through(stored, Stored::as_is, Rows::first), (List{sum(0), sum(1)}));
  EXPECT_EQ(through(stored, Stored::as_is, Rows::next_to_last), (List{sum(2), sum(3)}));
  EXPECT_EQ(through(stored, Stored::as_is, Rows::last), (List{sum(4), sum(5)}));
  stored.checkpoint.tensors.clear();
  stored.add("fused.weight", {4, 3});
  const std::vector<float>& u = stored.values[1];
  const auto sum4 = [&](std::size_t row) { return u[row * 3] + u[row * 3 + 1] + u[row * 3 + 2]; };
  EXPECT_EQ(through(stored, Stored::as_is, Rows::even), (List{sum4(0), sum4(2)}));
  EXPECT_EQ(through(stored, Stored::as_is, Rows::odd), (List{sum4(1), sum4(3)}));
  stored.checkpoint.tensors.clear();
  stored.add("fused.weight", {3, 4});
  const std::vector<float>& t = stored.values[2];
  const auto column = [&](std::size_t c) { return t[c] + t[4 + c] + t[8 + c]; };
  EXPECT_EQ(through(stored, Stored::transposed, Rows::last), (List{column(2), column(3)}));
  EXPECT_EQ(through(stored, Stored::transposed, Rows::odd), (List{column(1), column(3)}));
}

TEST(Weights, ExpertsComeApartOrStacked) {
  InMemory apart;
  apart.add("0.up.weight", {4, 3});
  apart.add("1.up.weight", {4, 3});
  InMemory stacked;
  stacked.add("up.weight", {2, 4, 3});
  for (std::size_t e = 0; e < 2; ++e)
    std::copy_n(apart.values[e].begin(), 12, stacked.values[0].begin() + static_cast<long>(e * 12));
  Machine m;
  ops::Context ctx = m.context();
  const Tensor x = Tensor::of(m.pool, {5, 3}, std::span<const float>(normal_values(15, 9)));
  const std::vector<i64> starts = {0, 2, 5};
  const auto run = [&](const InMemory& stored) {
    const Weights w(ctx, {.checkpoint = &stored.checkpoint, .rules = {}});
    return w.grouped_linear("up", 2, 1, 4, 3)(ctx, x, starts);
  };
  const Tensor one = run(apart);
  const Tensor other = run(stacked);
  EXPECT_EQ(std::vector(one.values().begin(), one.values().end()),
            std::vector(other.values().begin(), other.values().end()));
  EXPECT_THROW(Weights(ctx, {.checkpoint = &stacked.checkpoint, .rules = {}})
                   .grouped_linear("up", 3, 1, 4, 3),
               Error);
}

}  // namespace
}  // namespace medlar::nn
