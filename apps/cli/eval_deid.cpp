// medlar eval deid: how much of what identifies is found, and how much else is hidden.
#include <memory>

#include "clinical/deid/detect.h"
#include "command.h"
#include "eval/deid_score.h"

namespace medlar::cli {
namespace {

struct EvalDeidOptions {
  std::string data;
  std::string half = "all";
  i64 samples = 1000;
  bool show = false;
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

Result eval_deid(const EvalDeidOptions& options, const Console& console) {
  const std::vector<eval::GoldText> texts = eval::read_deid_data(options.data);
  std::vector<eval::DeidCase> cases;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (options.half != "all" && (i % 2 == 0) != (options.half == "even")) continue;
    stop_if_interrupted();
    cases.push_back({&texts[i], clinical::detect(clinical::Document(texts[i].text))});
    if (options.show) show_errors(console, cases.back(), i);
  }
  const eval::DeidScore score = eval::score_deid(cases, options.samples);
  print_share(console, "recall of direct identifiers", score.recall);
  print_share(console, "precision", score.precision);
  print_share(console, "over-redaction of other words", score.over_redaction);
  Json types = Json::object();
  for (const auto& [kind, share] : score.kinds) {
    console.line(fmt::format("  {:<30} {:>7.2f} %  {} of {}", kind, 100.0 * share.value(),
                             share.hits, share.total));
    types[kind] = share_json(share);
  }
  const auto interval = [](const eval::Share& s) { return Json::array({s.low, s.high}); };
  return {.data = {{"texts", cases.size()},
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
  app->add_option("--data", options->data, "presidio-research JSON or ASQ-PHI text")->required();
  app->add_option("--half", options->half, "Texts with even or odd numbers only")
      ->check(CLI::IsMember({"all", "even", "odd"}))
      ->capture_default_str();
  app->add_option("--bootstrap", options->samples, "Resamplings behind the 95 % intervals")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app->add_flag("--show", options->show, "Print what was left and what was hidden needlessly");
  app->footer("Example: medlar eval deid --data asq_phi.txt");
  return {app, [options](const Console& console) { return eval_deid(*options, console); }};
}

}  // namespace medlar::cli
