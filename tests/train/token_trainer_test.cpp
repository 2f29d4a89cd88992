// Fine-tuning of a tiny encoder: the gradient of the whole loss, what it learns, and its bits.
#include "train/token_task.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "comm/comm.h"
#include "folder.h"
#include "formats/open_checkpoint.h"
#include "runtime/encoder_runs.h"
#include "runtime/model_files.h"
#include "support/random.h"
#include "support/tiny_bert.h"
#include "train/head_checkpoint.h"
#include "train/prepare.h"
#include "train/training_log.h"

namespace medlar::train {
namespace {

using tests::TemporaryFolder;

/// A tiny BERT with two heads on the same sentences, ready to train.
struct Bench {
  TemporaryFolder folder;
  text::Tokenizer tokenizer;
  std::vector<Corpus> corpora;
  formats::Checkpoint checkpoint;
  std::unique_ptr<comm::Comm> comm = comm::solo();

  explicit Bench(const std::string& name, bool crf = false)
      : folder(name), tokenizer(prepared(folder.path)) {
    corpora.push_back(
        load_corpus({.name = "finding", .train = "a.tsv", .devel = "a.tsv", .crf = crf},
                    folder.path, tokenizer));
    corpora.push_back(load_corpus(
        {.name = "again", .train = "a.tsv", .devel = "a.tsv", .types = {{"Drug", "medication"}}},
        folder.path, tokenizer));
    std::vector<runtime::TokenHead> heads = {corpora[0].head, corpora[1].head};
    place_heads(heads);
    for (std::size_t i = 0; i < 2; ++i) corpora[i].head = heads[i];
    checkpoint = with_token_heads(formats::open_checkpoint(folder.path), heads, 1);
  }

  static text::Tokenizer prepared(const std::filesystem::path& path) {
    tests::write_tiny_bert(path);
    std::ofstream(path / "a.tsv") << tests::tiny_corpus();
    return runtime::tokenizer_of(path.string());
  }

  std::unique_ptr<runtime::Runner> runner(i64 threads = 1) const {
    return std::make_unique<runtime::Runner>(
        checkpoint, *comm,
        runtime::RunnerOptions{.threads = threads, .training = nn::Training::trainable});
  }

  Trainer::Output output(const std::string& name) const {
    return {.folder = folder.path / name, .tokenizer = folder.path, .config = checkpoint.config};
  }
};

TrainingOptions options() {
  return {.epochs = 6,
          .batch_tokens = 60,
          .sequence_tokens = 32,
          .learning_rate = 5e-3,
          .dropout = 0.1f,
          .evaluations = 1,
          .save_minutes = 0.0};
}

std::vector<float> bits_of(const runtime::Runner& runner) {
  std::vector<float> all;
  for (const nn::Parameter& parameter : runner.parameters()) {
    const auto values = parameter.values.values();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Trainer trainer_of(runtime::Runner& runner, const std::vector<Corpus>& corpora,
                   const SequenceShape& shape, const TrainingOptions& options) {
  return {runner, std::make_unique<TokenTask>(corpora, shape, options)};
}

TEST(TokenTrainer, HasTheGradientOfTheWholeLoss) {
  const Bench bench("gradient");
  const auto runner = bench.runner();
  const std::vector<TokenSequence> sequences = pack_sentences(
      bench.corpora[0].train, bench.corpora[0].head, sequence_shape(bench.tokenizer, 32));
  const std::vector<i64> batch = {0, 1, 2};
  std::vector<TokenTarget> targets;
  for (const i64 place : batch) {
    const auto& some = sequences[static_cast<std::size_t>(place)].targets;
    targets.insert(targets.end(), some.begin(), some.end());
  }
  ops::Tape tape;
  const auto loss_of = [&](ops::Tape* recording) {
    ops::Context ctx = runner->context();
    const models::Outputs outputs = runner->run(inputs_of(sequences, batch), nullptr, recording);
    ctx.tape = recording;
    return token_loss(ctx, outputs.front().value, targets);
  };
  const Tensor loss = loss_of(&tape);
  const float one = 1.0f;
  tape.backward(runner->context(), loss, Tensor::of(runner->pool(), {1}, std::span(&one, 1)));
  for (const nn::Parameter& parameter : runner->parameters()) {
    const Tensor* gradient = tape.gradient(parameter.values);
    ASSERT_NE(gradient, nullptr) << parameter.name;
    // Along a random direction: one number for each parameter, from all of its values.
    Tensor values = parameter.values;
    const std::vector<float> kept(values.values().begin(), values.values().end());
    const std::vector<float> direction = tests::normal_values(values.count(), 77);
    double expected = 0.0;
    double length = 0.0;
    for (i64 i = 0; i < values.count(); ++i) {
      const double d = direction[static_cast<std::size_t>(i)];
      expected += static_cast<double>(gradient->f32()[i]) * d;
      length += d * d;
    }
    const double step = 0.02 / std::sqrt(length);
    const auto moved = [&](double by) {
      for (i64 i = 0; i < values.count(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        values.f32()[i] = kept[at] + static_cast<float>(by) * direction[at];
      }
      const double value = loss_of(nullptr).f32()[0];
      std::ranges::copy(kept, values.f32());
      return value;
    };
    const double numeric = (moved(step) - moved(-step)) / (2.0 * step);
    // The loss is near 1 in single precision: 1e-7 over a step of about 0.02 / length, and the
    // third derivative.
    const double tolerance = 2e-2 * std::fabs(expected) + 1e-5 * std::sqrt(length);
    EXPECT_NEAR(numeric, expected, tolerance) << parameter.name;
  }
}

TEST(TokenTrainer, LearnsAndFindsEntitiesOfAllHeads) {
  const Bench bench("learns");
  const auto runner = bench.runner(2);
  Trainer trainer =
      trainer_of(*runner, bench.corpora, sequence_shape(bench.tokenizer, 32), options());
  const Json last = trainer.run(bench.output("out"));
  EXPECT_GT(last.value("mean_f1", 0.0), 0.99) << last.dump();
  double loss = 1.0;
  const TrainingLog log(bench.folder.path / "out");
  for (const Json& entry : log.entries()) loss = entry.value("loss", loss);
  EXPECT_LT(loss, 0.1);
  EXPECT_TRUE(std::filesystem::exists(bench.folder.path / "out" / "curves.svg"));

  const std::string best = (bench.folder.path / "out" / "best").string();
  const formats::Checkpoint trained = formats::open_checkpoint(best);
  runtime::Runner reader(trained, *bench.comm, {});
  const std::string text = "The patient had acute renal failure and takes aspirin.";
  const std::vector<text::Entity> entities =
      runtime::find_entities(reader, runtime::tokenizer_of(best), text, {});
  std::vector<std::string> found;
  for (const text::Entity& entity : entities) found.push_back(entity.label + ":" + entity.word);
  // Both heads know diseases: one entity. They call the drug by two names: both stay.
  EXPECT_EQ(found, (std::vector<std::string>{"disease:acute renal failure", "drug:aspirin",
                                             "medication:aspirin"}));
}

TEST(TokenTrainer, LearnsTheTransitionsOfAChain) {
  const Bench bench("chain", true);
  TrainingOptions some = options();
  some.epochs = 4;
  const SequenceShape shape = sequence_shape(bench.tokenizer, 32);
  const auto whole = bench.runner(2);
  trainer_of(*whole, bench.corpora, shape, some).run(bench.output("out2"));
  {
    const auto killed = bench.runner();
    Trainer trainer = trainer_of(*killed, bench.corpora, shape, some);
    Trainer::Output output = bench.output("out1");
    output.stop = [&] { return trainer.steps_done() == 10; };
    trainer.run(output);
  }
  const auto runner = bench.runner();
  trainer_of(*runner, bench.corpora, shape, some).run(bench.output("out1"));
  EXPECT_EQ(bits_of(*runner), bits_of(*whole));
  const std::string best = (bench.folder.path / "out1" / "best").string();
  const formats::Checkpoint trained = formats::open_checkpoint(best);
  const std::vector<runtime::TokenHead> heads = runtime::token_heads(trained.config, 10);
  ASSERT_EQ(heads.size(), 2u);
  ASSERT_TRUE(heads[0].learned.has_value());
  EXPECT_FALSE(heads[1].learned.has_value());
  const auto labels = static_cast<std::size_t>(heads[0].width());
  const auto at = [&](const char* label) {
    return static_cast<std::size_t>(std::ranges::find(heads[0].labels, label) -
                                    heads[0].labels.begin());
  };
  const std::vector<float>& between = heads[0].learned->between;
  EXPECT_GT(between[at("B-disease") * labels + at("I-disease")],
            between[at("B-drug") * labels + at("I-disease")]);
  EXPECT_EQ(bytes_of(bench.folder.path / "out1/best/config.json"),
            bytes_of(bench.folder.path / "out2/best/config.json"));
  // Going on from the trained model begins with its transitions.
  std::vector<runtime::TokenHead> anew = {bench.corpora[0].head};
  adopt_transitions(anew, trained.config);
  EXPECT_EQ(anew[0].learned->between, between);
}

TEST(TokenTrainer, GivesTheSameBitsAtAnyNumberOfThreads) {
  const Bench bench("threads");
  std::vector<float> first;
  for (const i64 threads : {1, 2, 3}) {
    const auto runner = bench.runner(threads);
    TrainingOptions some = options();
    some.epochs = 1;
    some.accumulate = 2;
    Trainer trainer = trainer_of(*runner, bench.corpora, sequence_shape(bench.tokenizer, 32), some);
    trainer.run(bench.output("threads" + std::to_string(threads)));
    if (first.empty()) first = bits_of(*runner);
    EXPECT_EQ(bits_of(*runner), first) << threads << " threads";
  }
}

TEST(TokenTrainer, GoesOnFromItsStateToTheSameBits) {
  const Bench bench("resume");
  TrainingOptions some = options();
  some.epochs = 2;
  const SequenceShape shape = sequence_shape(bench.tokenizer, 32);
  const auto whole = bench.runner();
  trainer_of(*whole, bench.corpora, shape, some).run(bench.output("whole"));
  i64 steps = 0;
  for (bool finished = false; !finished;) {
    // A new process each time, as after a kill: it lives for seven steps.
    const auto runner = bench.runner();
    Trainer trainer = trainer_of(*runner, bench.corpora, shape, some);
    Trainer::Output output = bench.output("parts");
    i64 lived = 0;
    output.stop = [&] { return ++lived == 7; };
    trainer.run(output);
    finished = lived < 7;
    ASSERT_TRUE(finished || trainer.steps_done() == steps + 7);
    steps = trainer.steps_done();
    if (finished) {
      EXPECT_EQ(bits_of(*runner), bits_of(*whole));
    }
  }
}

TEST(Batches, LabelTheTokensThatBeginWordsForTheTokenizer) {
  const Bench bench("labels");
  const runtime::TokenHead head = {
      .name = "g", .labels = {"O", "B-gene", "I-gene"}, .first = 0, .renamed = {{"GENE", "gene"}}};
  const std::vector<EncodedSentence> encoded = encode_sentences(
      bench.tokenizer, {{.words = {"p53-mutant", "fevers"}, .labels = {"B-GENE", "O"}}}, head);
  ASSERT_EQ(encoded.size(), 1u);
  // p ##53 - mutant | fever ##s
  EXPECT_EQ(encoded[0].classes, (std::vector<i64>{1, -1, 2, 2, 0, -1}));
  EXPECT_EQ(encoded[0].word_at, (std::vector<i64>{0, 4}));
  EXPECT_EQ(encoded[0].labels, (std::vector<std::string>{"B-gene", "O"}));
}

TEST(Batches, HoldEverySequenceOnce) {
  const std::vector<i64> order = shuffled(100, 3, 4);
  std::vector<i64> sorted = order;
  std::ranges::sort(sorted);
  for (i64 i = 0; i < 100; ++i) EXPECT_EQ(sorted[static_cast<std::size_t>(i)], i);
  EXPECT_NE(order, sorted);
  EXPECT_NE(order, shuffled(100, 3, 5));
}

}  // namespace
}  // namespace medlar::train
