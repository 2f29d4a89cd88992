// Low-rank adapters on a tiny encoder: their gradient, what stays as it is, and that they load.
#include "train/lora.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/open_checkpoint.h"
#include "gradients.h"
#include "ops/ops.h"
#include "support/random.h"
#include "support/tiny_bert.h"
#include "tiny_run.h"

namespace medlar::train {
namespace {

using tests::TinyRun;

constexpr const char* head = "[[head]]\nname = \"finding\"\ntrain = \"a.tsv\"\ndevel = \"a.tsv\"\n";
constexpr const char* lora =
    "[lora]\nrank = 4\nalpha = 16\ntargets = [\"query\", \"value\", \"dense\"]\n";

struct LoraRun : TinyRun {
  explicit LoraRun(const std::string& name) : TinyRun(name) {
    tests::write_tiny_bert(*this / "base");
    write("a.tsv", tests::tiny_corpus());
  }
  Recipe adapted(const std::string& training, const std::string& table = lora) const {
    return recipe("", training + table + head);
  }
  Prepared prepared(const Recipe& recipe) const {
    return prepare(recipe, runtime::tokenizer_of(recipe.base.string()));
  }
};

TEST(Lora, TrainsThePairsAndTheHeadAlone) {
  const LoraRun run("pairs");
  const Recipe recipe = run.adapted("");
  const Prepared prepared = run.prepared(recipe);
  const auto runner = run.runner(recipe, prepared);
  ASSERT_EQ(runner->parameters().size(),
            2u * 5u * 2u + 2u /* two layers of five maps, and the head */);
  for (const nn::Parameter& parameter : runner->parameters()) {
    EXPECT_TRUE(parameter.name.find(".lora_") != std::string::npos ||
                parameter.name.starts_with("classifier."))
        << parameter.name;
    // B is 0 before training: from here on both have a gradient.
    Tensor values = parameter.values;
    if (parameter.name.ends_with("lora_B.weight"))
      std::ranges::copy(tests::normal_values(values.count(), 5, 0.3f), values.f32());
  }
  const Epoch epoch = prepared.task->plan(0);
  const std::vector<i64> batch = {0, 1};
  const auto loss_of = [&](ops::Tape* tape) {
    ops::Context ctx = runner->context();
    const models::Outputs outputs = runner->run(inputs_of(epoch.sequences, batch), nullptr, tape);
    ctx.tape = tape;
    return prepared.task->loss(ctx, outputs.front().value, epoch.sequences, batch);
  };
  ops::Tape tape;
  const Tensor loss = loss_of(&tape);
  const float one = 1.0f;
  tape.backward(runner->context(), loss, Tensor::of(runner->pool(), {1}, std::span(&one, 1)));
  for (const nn::Parameter& parameter : runner->parameters()) {
    if (parameter.name.find("layer.1.attention.self.value.lora_") == std::string::npos) continue;
    // The loss is near 1.5 in single precision: 2e-7 over a step of 2e-2.
    tests::expect_gradient(
        parameter.values, tape.gradient(parameter.values),
        [&] { return static_cast<double>(loss_of(nullptr).f32()[0]); }, 1e-2f, 5e-5);
  }
}

TEST(Lora, IsWrittenAsAnAdapterThatLoadsAndGoesOn) {
  const LoraRun run("adapter");
  const Recipe recipe = run.adapted("epochs = 10\ndropout = 0.0\n");
  const std::string base = run.bytes("base/model.safetensors");
  const Json last = run.run(recipe, "out");
  EXPECT_EQ(run.bytes("base/model.safetensors"), base);
  EXPECT_GT(last.value("mean_f1", 0.0), 0.9) << last.dump();
  run.run(recipe, "parts", 2, 9);
  run.run(recipe, "parts");
  EXPECT_EQ(run.bytes("parts/best/adapter_model.safetensors"),
            run.bytes("out/best/adapter_model.safetensors"));
  // On the base it does what it did while it was trained.
  const formats::Checkpoint tuned =
      runtime::open_model(run / "base", {.adapters = {run / "out/best"}});
  EXPECT_EQ(tuned.config["architectures"][0], "BertForTokenClassification");
  runtime::Runner reader(tuned, *run.comm, {});
  EXPECT_DOUBLE_EQ(run.prepared(recipe).task->measure(reader)->value, last.value("mean_f1", -1.0));
}

TEST(Lora, RefusesTargetsThatAreNoLinearMaps) {
  const LoraRun run("targets");
  const auto with = [&](const std::string& target) {
    return run.adapted("", "[lora]\nrank = 2\ntargets = [\"" + target + "\"]\n");
  };
  EXPECT_THROW(run.prepared(with("q_proj")), Error);
  EXPECT_THROW(run.run(with("word_embeddings"), "out"), Error);
  EXPECT_THROW(run.adapted("", "[lora]\nrank = 0\ntargets = [\"query\"]\n"), Error);
}

}  // namespace
}  // namespace medlar::train
