// medlar eval retrieval: how often an encoder's vectors find the passage that answers a question.
#include <memory>

#include "eval/retrieval.h"
#include "runtime/shipped_models.h"
#include "session.h"

namespace medlar::cli {
namespace {

struct EvalRetrievalOptions {
  std::string model;
  std::string data;
  MachineOptions machine;
};

Json proportion(const Console& console, const std::string& name, const Counts& counts) {
  const Interval interval = wilson(counts.right, counts.wanted);
  console.line(fmt::format("{:<16} {:>6.2f} %  ({:.2f} to {:.2f})", name, 100.0 * counts.recall(),
                           100.0 * interval.low, 100.0 * interval.high));
  return {{"value", counts.recall()}, {"interval_95", {interval.low, interval.high}}};
}

Result eval_retrieval(const EvalRetrievalOptions& options, const Console& console) {
  const std::string model = options.model.empty()
                                ? runtime::shipped_model("medlar-embed").value_or("").string()
                                : options.model;
  if (model.empty()) fail(ErrorCode::not_found, "medlar-embed is not here: name an encoder");
  const std::vector<eval::RetrievalPair> pairs = eval::read_retrieval_data(options.data);
  std::vector<std::string> texts;
  for (const eval::RetrievalPair& pair : pairs) texts.push_back(pair.query);
  for (const eval::RetrievalPair& pair : pairs) texts.push_back(pair.passage);
  const text::Tokenizer tokenizer = tokenizer_of(model);
  std::vector<std::vector<float>> rows;
  with_model(model, options.machine, console, [&](runtime::Runner& runner, const auto&, i64) {
    rows = runtime::embed(runner, tokenizer, texts, {}, progress_of(console, "embedding")).rows;
  });
  const auto half = rows.begin() + ssize_of(pairs);
  const eval::RetrievalScore score =
      eval::score_retrieval(pairs, {rows.begin(), half}, {half, rows.end()});
  console.line(fmt::format("{} queries, {} passages", score.queries, score.passages));
  Json data = {{"queries", score.queries}, {"passages", score.passages}};
  data["recall_at_1"] = proportion(console, "recall at 1", score.at_1);
  data["recall_at_5"] = proportion(console, "recall at 5", score.at_5);
  data["recall_at_10"] = proportion(console, "recall at 10", score.at_10);
  const double around = 1.96 * score.reciprocal_deviation;
  console.line(fmt::format("{:<16} {:>6.4f}    ({:.4f} to {:.4f})", "mean 1 / rank",
                           score.reciprocal, score.reciprocal - around, score.reciprocal + around));
  data["mean_reciprocal_rank"] = {
      {"value", score.reciprocal},
      {"interval_95", {score.reciprocal - around, score.reciprocal + around}}};
  return {.data = std::move(data)};
}

}  // namespace

Command add_eval_retrieval(CLI::App& eval) {
  CLI::App* app = eval.add_subcommand("retrieval", "An encoder on questions and their answers");
  const auto options = std::make_shared<EvalRetrievalOptions>();
  app->add_option("--model", options->model, "Encoder (default: medlar-embed, which ships)");
  app->add_option("--data", options->data,
                  "Folder of MedQuAD's XML, or lines {\"query\", \"passage\"}")
      ->required();
  options->machine.add_threads(*app);
  app->footer("Example: medlar eval retrieval --data medquad/ --model encoder/");
  return {app, [options](const Console& console) { return eval_retrieval(*options, console); }};
}

}  // namespace medlar::cli
