// medlar bench train: tokens a second of fine-tuning, forward, backward and optimizer.
#include <algorithm>
#include <chrono>
#include <memory>

#include "base/rng.h"
#include "comm/comm.h"
#include "command.h"
#include "formats/open_checkpoint.h"
#include "train/head_checkpoint.h"
#include "train/token_task.h"
#include "train/trainer.h"

namespace medlar::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchTrainOptions {
  std::string model;
  i64 sequences = 16;
  i64 tokens = 64;
  i64 steps = 10;
  MachineOptions machine;
};

/// Sequences of tokens drawn at random, each with a label drawn at random.
std::vector<train::TokenSequence> random_sequences(const BenchTrainOptions& options, i64 vocabulary,
                                                   i64 labels) {
  std::vector<train::TokenSequence> sequences(static_cast<std::size_t>(options.sequences));
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    for (i64 t = 0; t < options.tokens; ++t) {
      const auto random = philox(1, s, static_cast<u64>(t));
      sequences[s].ids.push_back(random[0] % vocabulary);
      sequences[s].targets.push_back({.column = random[1] % labels, .first = 0, .count = labels});
    }
  }
  return sequences;
}

Result bench_train(const BenchTrainOptions& options, const Console& console) {
  std::vector<runtime::TokenHead> heads = {
      {.name = "bench", .labels = {"O", "B-a", "I-a", "B-b", "I-b"}, .first = 0, .renamed = {}}};
  const formats::Checkpoint checkpoint =
      train::with_token_heads(formats::open_checkpoint(options.model), heads, 1);
  const std::unique_ptr<comm::Comm> comm = comm::solo();
  runtime::Runner runner(checkpoint, *comm,
                         {.isa = options.machine.isa,
                          .threads = options.machine.threads_per_rank(),
                          .training = nn::Training::trainable});
  train::Trainer trainer(
      runner, std::make_unique<train::TokenTask>(std::vector<train::Corpus>(),
                                                 train::SequenceShape(), train::TrainingOptions()));
  const std::vector<train::TokenSequence> sequences =
      random_sequences(options, runner.facts().vocabulary, heads.front().width());
  std::vector<i64> batch;
  for (i64 s = 0; s < options.sequences; ++s) batch.push_back(s);
  std::vector<double> seconds;
  for (i64 step = 0; step <= options.steps; ++step) {
    stop_if_interrupted();
    const Clock::time_point start = Clock::now();
    trainer.step(sequences, std::span(&batch, 1), 1e-4);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  seconds.erase(seconds.begin());  // the first one finds no memory in the pool
  std::ranges::sort(seconds);
  const double median = seconds[seconds.size() / 2];
  const auto tokens = static_cast<double>(options.sequences * options.tokens);
  // Forward, and twice that backward: 2 operations for each value of a matrix and token.
  const double operations = 6.0 * static_cast<double>(runner.matrix_values()) * tokens;
  console.line(fmt::format("{:.0f} tokens/s (median of {} steps of {} x {} tokens), {:.1f} GFLOP/s",
                           tokens / median, options.steps, options.sequences, options.tokens,
                           operations / median * 1e-9));
  return {.data = {{"tokens_per_second", tokens / median},
                   {"fastest", tokens / seconds.front()},
                   {"gigaflops", operations / median * 1e-9},
                   {"threads", options.machine.threads_per_rank()}}};
}

}  // namespace

Command add_bench_train(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand("train", "Tokens a second of fine-tuning an encoder");
  const auto options = std::make_shared<BenchTrainOptions>();
  app->add_option("model", options->model, "Encoder, folder or file")->required();
  app->add_option("--sequences", options->sequences, "Sequences of a batch")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app->add_option("--tokens", options->tokens, "Tokens of a sequence")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app->add_option("--steps", options->steps, "Steps that are timed")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  options->machine.add_threads(*app);
  app->footer("Example: medlar bench train model/ --threads 2");
  return {app, [options](const Console& console) { return bench_train(*options, console); }};
}

}  // namespace medlar::cli
