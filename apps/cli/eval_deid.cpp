// medlar eval deid: how much of what identifies is found, and how much else is hidden.
#include <memory>

#include "clinical/deid/detect.h"
#include "clinical/deid/kinds.h"
#include "clinical/deid/policy.h"
#include "command.h"
#include "eval/deid_score.h"
#include "phi_model.h"

namespace medlar::cli {
namespace {

struct EvalDeidOptions {
  std::string data;
  std::string half = "all";
  i64 samples = 1000;
  std::string policy = "strict";
  bool no_rules = false;
  bool show = false;
  PhiModelOptions model;
};

Json share_json(const eval::Share& share) {
  return {{"value", share.value()}, {"hits", share.hits}, {"total", share.total}};
}

void print_share(const Console& console, const std::string& name, const eval::Share& share) {
  console.line(fmt::format("{:<32} {:>7.2f} %  ({:.2f} to {:.2f})  {} of {}", name,
                           100.0 * share.value(), 100.0 * share.low, 100.0 * share.high, share.hits,
                           share.total));
}

void show_errors(const Console& console, const eval::DeidCase& one, std::size_t number) {
  for (const std::string& value : eval::missed_values(one))
    console.line(fmt::format("{}: left  {}", number, value));
  for (const std::string& span : eval::needless_spans(one))
    console.line(fmt::format("{}: needless  {}", number, span));
}

/// What rules and model, or the model alone, find in a text and the policy hides.
std::vector<clinical::Span> hidden_in(const std::string& text, const EvalDeidOptions& options,
                                      const clinical::PhiModel* model) {
  const clinical::Document note(text);
  std::vector<clinical::Span> spans;
  if (model != nullptr) spans = model->find(note);
  spans = options.no_rules ? clinical::united(std::move(spans))
                           : clinical::detect(note, std::move(spans));
  const clinical::Policy policy = clinical::policy_named(options.policy);
  std::erase_if(spans, [&](const clinical::Span& span) { return !policy.hides(span.label); });
  return spans;
}

/// All eighteen of HIPAA, those too that the data has none of.
Json print_rows(const Console& console, const eval::DeidScore& score) {
  Json rows = Json::array();
  for (const clinical::HipaaRow& row : clinical::hipaa_rows) {
    const eval::Share& share = score.rows[static_cast<std::size_t>(row.number)];
    const std::string name = fmt::format("{:>2} {}", row.number, row.name.substr(0, 28));
    if (share.total == 0) {
      console.line(fmt::format("{:<32} none in the data", name));
    } else {
      print_share(console, name, share);
    }
    rows.push_back(share_json(share));
    rows.back()["row"] = row.number;
    rows.back()["identifier"] = row.name;
    rows.back()["interval_95"] = Json::array({share.low, share.high});
  }
  return rows;
}

Result eval_deid(const EvalDeidOptions& options, const Console& console) {
  const std::vector<eval::GoldText> texts = eval::read_deid_data(options.data);
  const auto model = open_phi_model(options.model);
  if (options.no_rules && model == nullptr)
    fail(ErrorCode::usage, "--no-rules leaves nothing to look without a model");
  console.line(fmt::format("looked: {}{}", options.no_rules ? "" : "rules ",
                           model == nullptr ? "alone" : model->name()));
  std::vector<eval::DeidCase> cases;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (options.half != "all" && (i % 2 == 0) != (options.half == "even")) continue;
    stop_if_interrupted();
    cases.push_back({&texts[i], hidden_in(texts[i].text, options, model.get())});
    if (options.show) show_errors(console, cases.back(), i);
  }
  const eval::DeidScore score = eval::score_deid(cases, options.samples);
  print_share(console, "recall of direct identifiers", score.recall);
  print_share(console, "precision", score.precision);
  print_share(console, "over-redaction of other words", score.over_redaction);
  Json rows = print_rows(console, score);
  Json types = Json::object();
  for (const auto& [kind, share] : score.kinds) {
    console.line(fmt::format("  {:<30} {:>7.2f} %  {} of {}", kind, 100.0 * share.value(),
                             share.hits, share.total));
    types[kind] = share_json(share);
  }
  const auto interval = [](const eval::Share& s) { return Json::array({s.low, s.high}); };
  return {.data = {{"texts", cases.size()},
                   {"model", model == nullptr ? Json() : Json(model->name())},
                   {"policy", options.policy},
                   {"hipaa", std::move(rows)},
                   {"recall", score.recall.value()},
                   {"precision", score.precision.value()},
                   {"f1", score.f1()},
                   {"over_redaction", score.over_redaction.value()},
                   {"intervals_95",
                    {{"recall", interval(score.recall)},
                     {"precision", interval(score.precision)},
                     {"over_redaction", interval(score.over_redaction)}}},
                   {"types", std::move(types)}}};
}

}  // namespace

Command add_eval_deid(CLI::App& eval) {
  CLI::App* app = eval.add_subcommand("deid", "De-identification against texts with known values");
  const auto options = std::make_shared<EvalDeidOptions>();
  app->add_option("--data", options->data, "presidio-research JSON, ASQ-PHI text, or .jsonl")
      ->required();
  app->add_option("--half", options->half, "Texts with even or odd numbers only")
      ->check(CLI::IsMember({"all", "even", "odd"}))
      ->capture_default_str();
  app->add_option("--bootstrap", options->samples, "Resamplings behind the 95 % intervals")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app->add_option("--policy", options->policy, "What of all that is found counts as hidden")
      ->capture_default_str();
  options->model.add_to(*app);
  app->add_flag("--no-rules", options->no_rules, "The model alone");
  app->add_flag("--show", options->show, "Print what was left and what was hidden needlessly");
  app->footer("Example: medlar eval deid --data asq_phi.txt");
  return {app, [options](const Console& console) { return eval_deid(*options, console); }};
}

}  // namespace medlar::cli
