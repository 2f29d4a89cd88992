// medlar bench ner: how fast notes are read, and the encoder alone.
#include <algorithm>
#include <chrono>
#include <memory>

#include "base/mapped_file.h"
#include "base/rng.h"
#include "clinical/model_spans.h"
#include "note_reader.h"
#include "runtime/shipped_models.h"
#include "session.h"

namespace medlar::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchNerOptions {
  std::string model;
  std::string text;
  i64 sequences = 16;
  i64 tokens = 128;
  i64 repeats = 10;
  MachineOptions machine;
};

/// Seconds of the middle one of `repeats` calls; one before them finds no memory in the pool.
double median_seconds(i64 repeats, const std::function<void()>& work) {
  std::vector<double> seconds;
  for (i64 i = 0; i <= repeats; ++i) {
    stop_if_interrupted();
    const Clock::time_point start = Clock::now();
    work();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  seconds.erase(seconds.begin());
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

std::vector<std::vector<i64>> random_ids(const BenchNerOptions& options, i64 vocabulary) {
  std::vector<std::vector<i64>> ids(static_cast<std::size_t>(options.sequences));
  for (std::size_t s = 0; s < ids.size(); ++s) {
    for (i64 t = 0; t < options.tokens; ++t)
      ids[s].push_back(philox(1, s, static_cast<u64>(t))[0] % vocabulary);
  }
  return ids;
}

Result bench_ner(const BenchNerOptions& options, const Console& console) {
  const std::string model = options.model.empty()
                                ? runtime::shipped_model("medlar-ner").value_or("").string()
                                : options.model;
  if (model.empty())
    fail(ErrorCode::not_found, "medlar-ner, which ships, is not here: name a token classifier");
  Result result;
  with_model(model, options.machine, console, [&](runtime::Runner& runner, const auto&, i64) {
    const std::vector<std::vector<i64>> ids = random_ids(options, runner.facts().vocabulary);
    std::vector<runtime::TokenInput> inputs;
    for (const std::vector<i64>& sequence : ids)
      inputs.push_back({.ids = sequence, .token_types = {}});
    const double forward = median_seconds(options.repeats, [&] { runner.run(inputs); });
    const double tokens = static_cast<double>(options.sequences * options.tokens) / forward;
    const double gigaflops = 2.0 * static_cast<double>(runner.matrix_values()) * tokens * 1e-9;
    console.line(fmt::format("encoder  {:.0f} tokens/s ({} x {} tokens), {:.1f} GFLOP/s", tokens,
                             options.sequences, options.tokens, gigaflops));
    result.data = {{"tokens_per_second", tokens},
                   {"gigaflops", gigaflops},
                   {"threads", options.machine.threads_per_rank()}};
    if (options.text.empty()) return;
    const text::Tokenizer tokenizer = tokenizer_of(model);
    const clinical::Document note(read_text_file(options.text));
    const NoteReader reader = {.analyzer = clinical::Analyzer(clinical::Linking::by_similarity),
                               .analysis = {},
                               .output = {},
                               .find =
                                   [&](const clinical::Document& one) {
                                     return clinical::model_spans(runner, tokenizer, one, "model");
                                   },
                               .producer = "model"};
    const double reading = median_seconds(options.repeats, [&] { reader.read(note); });
    console.line(
        fmt::format("analyze  {:.1f} notes/s of {} bytes", 1.0 / reading, note.text().size()));
    result.data["notes_per_second"] = 1.0 / reading;
    result.data["note_bytes"] = note.text().size();
  });
  return result;
}

}  // namespace

Command add_bench_ner(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand("ner", "How fast a token classifier reads");
  const auto options = std::make_shared<BenchNerOptions>();
  app->add_option("model", options->model, "Token classifier (default: medlar-ner, which ships)");
  app->add_option("--text", options->text, "A note to read as `analyze` does, too");
  app->add_option("--sequences", options->sequences, "Sequences of a batch")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app->add_option("--tokens", options->tokens, "Tokens of a sequence")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  app->add_option("--repeats", options->repeats, "Runs that are timed; the middle one counts")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  options->machine.add_threads(*app);
  app->footer("Example: medlar bench ner --text docs/examples/discharge_note.txt");
  return {app, [options](const Console& console) { return bench_ner(*options, console); }};
}

}  // namespace medlar::cli
