#include "nn/weights.h"

#include <gtest/gtest.h>

#include <algorithm>

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
std::vector<float> middle_part(Stored stored, double version) {
  Machine m("reference", 1);
  ops::Context ctx = m.context();
  InMemory file;
  file.add("qkv.weight", {12, 1});
  file.add("qkv.bias", {12});
  for (std::size_t row = 0; row < 12; ++row)
    file.values[0][row] = file.values[1][row] = static_cast<float>(row);
  file.checkpoint.metadata["checkpoint_version"] = version;
  const NameRule rules[] = {{Container::huggingface, "k.*", "qkv.*", stored, 1, 3}};
  const Weights w(ctx, {.checkpoint = &file.checkpoint, .rules = rules});
  const Linear k = w.with_heads(2).linear("k", 4, 1, Split::none, Bias::present);
  const std::vector<i64> ids = {0, 1, 2, 3};
  const Tensor rows = ops::embed(ctx, Tensor::of(m.pool, {4}, std::span<const i64>(ids)), k.weight);
  EXPECT_TRUE(std::ranges::equal(rows.values(), k.bias->values()));
  return {rows.values().begin(), rows.values().end()};
}

TEST(Weights, TakeTheirPartOfAFusedMatrix) {
  using Rows = std::vector<float>;
  EXPECT_EQ(middle_part(Stored::part, 0.0), (Rows{4, 5, 6, 7}));
  EXPECT_EQ(middle_part(Stored::megatron, 0.0), (Rows{4, 5, 6, 7}));
  EXPECT_EQ(middle_part(Stored::megatron, 1.0), (Rows{1, 4, 7, 10}));
  EXPECT_EQ(middle_part(Stored::megatron, 3.0), (Rows{2, 3, 8, 9}));
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

}  // namespace
}  // namespace medlar::nn
