// Labels of texts on a tiny encoder, and learning from a teacher.
#include "train/sequence_task.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/open_checkpoint.h"
#include "gradients.h"
#include "ops/ops.h"
#include "runtime/encoder_runs.h"
#include "support/machine.h"
#include "support/random.h"
#include "support/tiny_bert.h"
#include "tiny_run.h"

namespace medlar::train {
namespace {

using tests::Machine;
using tests::normal_values;
using tests::TinyRun;

struct SequenceRun : TinyRun {
  explicit SequenceRun(const std::string& name) : TinyRun(name) {
    tests::write_tiny_bert(*this / "base");
    std::string lines;
    for (const std::string subject : {"the patient", "patient", "the severe patient"}) {
      for (const std::string finding : {"fever", "cough", "asthma", "renal failure"}) {
        lines +=
            Json{{"text", subject + " has " + finding + " ."}, {"label", "present"}}.dump() + "\n";
        lines += Json{{"text", subject + " has no " + finding + " ."}, {"label", "absent"}}.dump() +
                 "\n";
      }
    }
    write("a.jsonl", lines);
  }
  Recipe labels(const std::string& training) const {
    return recipe("task = \"sequence\"\ntrain = \"a.jsonl\"\ndevel = \"a.jsonl\"\n", training);
  }
};

TEST(SequenceTask, LearnsAndGoesOnToTheSameBits) {
  const SequenceRun run("sequence");
  const Recipe recipe = run.labels("epochs = 12\n");
  const Json last = run.run(recipe, "out");
  EXPECT_GT(last.value("mean_f1", 0.0), 0.99) << last.dump();
  EXPECT_EQ(last["devel_f1"].size(), 2u);
  run.run(recipe, "parts", 2, 13);
  run.run(recipe, "parts");
  EXPECT_EQ(run.bytes("parts/best/model.safetensors"), run.bytes("out/best/model.safetensors"));
  const std::string best = (run / "out/best").string();
  const formats::Checkpoint tuned = formats::open_checkpoint(best);
  runtime::Runner reader(tuned, *run.comm, {});
  const runtime::Classification said =
      runtime::classify(reader, runtime::tokenizer_of(best), "the patient has no asthma .");
  EXPECT_EQ(said.scores.at(0).label, "absent");
}

TEST(SequenceTask, RefusesOneLabelAlone) {
  const SequenceRun run("one_label");
  run.write("a.jsonl", "{\"text\": \"fever\", \"label\": 1}\n");
  EXPECT_THROW(run.run(run.labels(""), "out"), Error);
  run.write("a.jsonl", "{\"text\": \"secret\"}\n");
  try {
    run.run(run.labels(""), "out");
    FAIL() << "a text without a label was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_file);
    EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
  }
}

TEST(Distillation, HasItsGradientAndKnowsWhoTeachesWhat) {
  Machine m;
  // Columns 0 and 1 are a head that the teacher lacks.
  Teacher teacher;
  teacher.options = {.model = {}, .temperature = 3.0, .weight = 1.0};
  teacher.columns = {-1, -1, 1, 2, 0};
  Tensor logits = Tensor::of(m.pool, {4, 5}, std::span<const float>(normal_values(20, 1, 2.0f)));
  const Tensor taught =
      Tensor::of(m.pool, {4, 3}, std::span<const float>(normal_values(12, 2, 2.0f)));
  const std::vector<TokenTarget> targets = {{.column = 2, .first = 2, .count = 3, .weight = 0.5f},
                                            {.column = 0, .first = 0, .count = 2},
                                            {},
                                            {.column = 4, .first = 2, .count = 3}};
  ops::Context ctx = m.context();
  double expected = 0.0;
  for (const std::size_t row : {0u, 3u}) {
    std::array<double, 3> p{}, q{};
    double sum_p = 0.0, sum_q = 0.0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto at = static_cast<std::size_t>(teacher.columns[i + 2]);
      sum_p += p[i] = std::exp(static_cast<double>(taught.f32()[row * 3 + at]) / 3.0);
      sum_q += q[i] = std::exp(static_cast<double>(logits.f32()[row * 5 + 2 + i]) / 3.0);
    }
    for (std::size_t i = 0; i < 3; ++i) {
      expected += (row == 0 ? 0.5 : 1.0) / 1.5 * 9.0 * p[i] / sum_p *
                  std::log(p[i] / sum_p / (q[i] / sum_q));
    }
  }
  ops::Tape tape;
  ctx.tape = &tape;
  const Tensor loss = distillation_loss(ctx, logits, taught, targets, teacher);
  EXPECT_NEAR(loss.f32()[0], expected, 1e-5);
  const float one = 1.0f;
  tape.backward(ctx, loss, Tensor::of(m.pool, {1}, std::span(&one, 1)));
  ctx.tape = nullptr;
  // The loss is near 1 in single precision: 1e-7 over a step of 2e-2, and the third derivative.
  tests::expect_gradient(
      logits, tape.gradient(logits),
      [&] {
        return static_cast<double>(
            distillation_loss(ctx, logits, taught, targets, teacher).f32()[0]);
      },
      1e-2f, 1e-4);
  EXPECT_EQ(distillation_loss(ctx, logits, taught, std::vector<TokenTarget>(4), teacher).f32()[0],
            0.0f);
}

TEST(Distillation, TeachesWhatTheLabelsDoNotSay) {
  const SequenceRun run("distilled");
  const std::string corpus = tests::tiny_corpus();
  run.write("a.tsv", corpus);
  // The student's own labels find nothing anywhere.
  std::string untagged;
  for (std::size_t at = 0; at < corpus.size();) {
    const std::size_t end = corpus.find('\n', at);
    const std::size_t tab = corpus.find('\t', at);
    untagged += tab < end ? corpus.substr(at, tab - at) + "\tO\n" : "\n";
    at = end + 1;
  }
  run.write("untagged.tsv", untagged);
  const auto recipe = [&](const std::string& train, const std::string& teacher) {
    return run.recipe("", "epochs = 8\n" + teacher + "[[head]]\nname = \"finding\"\ntrain = \"" +
                              train + "\"\ndevel = \"a.tsv\"\n");
  };
  run.run(recipe("a.tsv", ""), "teacher");
  const std::string teacher = "[teacher]\nmodel = \"" + (run / "teacher/best").string() +
                              "\"\ntemperature = 1.0\nweight = 20.0\n";
  EXPECT_GT(run.run(recipe("untagged.tsv", teacher), "student").value("mean_f1", 0.0), 0.9);
  EXPECT_LT(run.run(recipe("untagged.tsv", ""), "untaught").value("mean_f1", 1.0), 0.1);
}

TEST(Distillation, RefusesATeacherOfOtherLabels) {
  const SequenceRun run("other_teacher");
  run.run(run.labels("epochs = 1\n"), "teacher");
  run.write("a.tsv", tests::tiny_corpus());
  const Recipe recipe =
      run.recipe("", "epochs = 1\n[teacher]\nmodel = \"" + (run / "teacher/best").string() +
                         "\"\n[[head]]\nname = \"finding\"\ntrain = \"a.tsv\"\n");
  EXPECT_THROW(run.run(recipe, "out"), Error);
}

}  // namespace
}  // namespace medlar::train
