#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/types.h"

namespace medlar::cli {

/// What a verb leaves: the JSON of --json, and whether the thing that was asked for passed.
struct Result {
  Json data = Json::object();
  bool passed = true;  ///< false: exit 1, the data still stands (a certificate that fails)
};

/// The console as verbs see it: text for people, or one JSON object at the end.
struct Console {
  bool json = false;
  bool progress = false;  ///< stderr is a terminal and --json was not given

  /// A line for people on stdout; nothing with --json.
  void line(const std::string& text) const;
  /// Text without a line end, written at once (streaming).
  void write(const std::string& text) const;
};

/// Options that several verbs share.
struct MachineOptions {
  i64 threads = 0;  ///< 0: all processors, shared among the ranks
  std::string isa = "auto";
  i64 ranks = 1;
  i64 chunk = 512;  ///< tokens of a prompt that run in one step
  std::string vision_weights = "checkpoint";
  std::vector<std::string> adapters;

  void add_threads(CLI::App& app);
  void add_ranks(CLI::App& app);
  void add_chunk(CLI::App& app);
  void add_vision_weights(CLI::App& app);
  void add_adapters(CLI::App& app);
  i64 threads_per_rank() const;
};

using Action = std::function<Result(const Console&)>;

/// A verb: its place in the command line, and what it does when chosen.
struct Command {
  CLI::App* app;
  Action action;
};

Command add_analyze(CLI::App& root);
Command add_link(CLI::App& root);
Command add_eval_assertion(CLI::App& eval);
Command add_eval_link(CLI::App& eval);
Command add_inspect(CLI::App& root);
Command add_models_list(CLI::App& models);
Command add_models_info(CLI::App& models);
Command add_models_recommend(CLI::App& models);
Command add_models_pull(CLI::App& models);
Command add_models_rm(CLI::App& models);
Command add_tokenize(CLI::App& root);
Command add_detokenize(CLI::App& root);
Command add_template(CLI::App& root);
Command add_parse(CLI::App& root);
Command add_forward(CLI::App& root);
Command add_verify(CLI::App& root);
Command add_generate(CLI::App& root);
Command add_embed(CLI::App& root);
Command add_perplexity(CLI::App& root);
Command add_ner(CLI::App& root);
Command add_classify(CLI::App& root);
Command add_qa(CLI::App& root);
Command add_fill_mask(CLI::App& root);
Command add_chat(CLI::App& root);
Command add_quantize(CLI::App& root);
Command add_convert(CLI::App& root);
Command add_merge(CLI::App& root);
Command add_train(CLI::App& root);
Command add_eval_ner(CLI::App& eval);
Command add_bench_machine(CLI::App& bench);
Command add_bench_model(CLI::App& bench);
Command add_bench_train(CLI::App& bench);
Command add_bench_ner(CLI::App& bench);
Command add_deid(CLI::App& root);
Command add_reid(CLI::App& root);
Command add_eval_deid(CLI::App& eval);
Command add_eval_retrieval(CLI::App& eval);
Command add_doctor(CLI::App& root);
Command add_version(CLI::App& root);
Command add_completion(CLI::App& root);

/// True after Ctrl-C; verbs that run long ask between steps.
bool interrupted();
/// Throws cancelled after Ctrl-C.
void stop_if_interrupted();

/// A file's text, or stdin for "-".
std::string read_input(const std::string& path);
/// The lines of a file or of stdin ("-"), one at a time, without their ends.
void for_each_line(const std::string& path, const std::function<void(const std::string&)>& visit);

}  // namespace medlar::cli
