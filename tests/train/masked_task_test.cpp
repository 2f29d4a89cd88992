// Masked-language modelling on a tiny encoder: what is hidden, what is learnt, and its bits.
#include "train/masked_task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "formats/open_checkpoint.h"
#include "runtime/encoder_runs.h"
#include "support/tiny_bert.h"
#include "tiny_run.h"
#include "train/training_log.h"

namespace medlar::train {
namespace {

using tests::TinyRun;

constexpr const char* texts =
    "the patient had acute renal failure .\n\nthe patient takes aspirin and heparin .\n\n"
    "the patient has severe cough and fever .\n\nno fever and no cough .\n";

struct MaskedRun : TinyRun {
  explicit MaskedRun(const std::string& name) : TinyRun(name) {
    tests::write_tiny_bert(*this / "base");
    std::string many;
    for (i64 i = 0; i < 12; ++i) many.append(texts).append("\n");
    write("a.txt", many);
  }
  Recipe masked(const std::string& training = "epochs = 2\n") const {
    return recipe("task = \"masked-lm\"\ntrain = \"a.txt\"\ndevel = \"a.txt\"\n", training);
  }
};

TEST(MaskedTask, HidesFifteenPercent) {
  const MaskedRun run("hides");
  const text::Tokenizer tokenizer = runtime::tokenizer_of((run / "base").string());
  std::string text;
  for (i64 i = 0; i < 4000; ++i) text += "the patient had no fever ";
  const MaskedTask task(
      masked_corpus(tokenizer, std::vector<std::string>{text}, {}, 32, tokenizer.vocab_size()), {});
  const Epoch epoch = task.plan(0);
  const i64 mask = *tokenizer.special_ids().mask;
  i64 tokens = 0;
  std::map<std::string, i64> counts;
  for (const TokenSequence& sequence : epoch.sequences) {
    tokens += ssize_of(sequence.ids) - 2;
    ASSERT_EQ(sequence.rows.size(), sequence.targets.size());
    ASSERT_FALSE(sequence.rows.empty());
    for (std::size_t i = 0; i < sequence.rows.size(); ++i) {
      ASSERT_GT(sequence.rows[i], 0);
      ASSERT_LT(sequence.rows[i], ssize_of(sequence.ids) - 1);
      const i64 now = sequence.ids[static_cast<std::size_t>(sequence.rows[i])];
      ++counts[now == mask ? "mask" : now == sequence.targets[i].column ? "same" : "other"];
    }
  }
  EXPECT_EQ(tokens, 20000);
  const double hidden = static_cast<double>(counts["mask"] + counts["same"] + counts["other"]);
  // Of 20000 draws: 0.15 within five standard deviations of 0.0025, and so on.
  EXPECT_NEAR(hidden / 20000.0, 0.15, 0.013);
  EXPECT_NEAR(static_cast<double>(counts["mask"]) / hidden, 0.8, 0.04);
  EXPECT_NEAR(static_cast<double>(counts["same"]) / hidden, 0.1, 0.03);
  EXPECT_NE(task.plan(1).sequences[0].rows, epoch.sequences[0].rows);
  EXPECT_EQ(task.plan(0).sequences[7].ids, epoch.sequences[7].ids);
}

TEST(MaskedTask, LearnsAndGoesOnToTheSameBits) {
  const MaskedRun run("masked");
  const Recipe recipe = run.masked("epochs = 10\ndropout = 0.0\n");
  const Prepared prepared = prepare(recipe, runtime::tokenizer_of(recipe.base.string()));
  const auto untrained = run.runner(recipe, prepared);
  const double before = prepared.task->measure(*untrained)->report["perplexity"];
  const Json last = run.run(recipe, "out");
  EXPECT_LT(last.value("perplexity", 1e9), before / 2.0) << last.dump();
  run.run(recipe, "parts", 2, 11);
  run.run(recipe, "parts");
  EXPECT_EQ(run.bytes("parts/best/model.safetensors"), run.bytes("out/best/model.safetensors"));
  // What was written fills masks, with the perplexity that devel had.
  const std::string best = (run / "out/best").string();
  const formats::Checkpoint trained = formats::open_checkpoint(best);
  EXPECT_EQ(trained.config["architectures"][0], "BertForMaskedLM");
  runtime::Runner reader(trained, *run.comm, {});
  const text::Tokenizer tokenizer = runtime::tokenizer_of(best);
  double best_of_all = 1e9;
  const TrainingLog log(run / "out");
  for (const Json& entry : log.entries())
    best_of_all = std::min(best_of_all, entry.value("perplexity", 1e9));
  EXPECT_DOUBLE_EQ(prepared.task->measure(reader)->report["perplexity"].get<double>(), best_of_all);
  const auto fills = runtime::fill_masks(
      reader, tokenizer,
      tokenizer.encode("the [MASK] takes aspirin .", {.special_tokens = text::SpecialTokens::add,
                                                      .special_text = text::SpecialText::parse}),
      1);
  EXPECT_GT(fills.at(0).at(0).score, 1.0f / 28.0f);
}

TEST(MaskedTask, GivesAnEncoderForTheTokenRecipe) {
  const MaskedRun run("base");
  run.run(run.masked(), "out");
  run.write("a.tsv", tests::tiny_corpus());
  Recipe tokens = run.recipe("", "epochs = 1\n[[head]]\nname = \"finding\"\ntrain = \"a.tsv\"\n");
  tokens.base = run / "out/best";
  run.run(tokens, "tagger");
  const formats::Checkpoint tagger = formats::open_checkpoint(run / "tagger/last");
  EXPECT_EQ(tagger.config["architectures"][0], "BertForTokenClassification");
}

TEST(Recipe, RefusesWhatDoesNotFitTheTask) {
  const MaskedRun run("refuses");
  EXPECT_THROW(run.recipe("task = \"masked-lm\"\n"), Error);
  EXPECT_THROW(run.recipe("task = \"unknown\"\ntrain = \"a.txt\"\n"), Error);
  EXPECT_THROW(run.recipe("train = \"a.txt\"\n"), Error);
}

}  // namespace
}  // namespace medlar::train
