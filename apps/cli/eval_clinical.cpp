// medlar eval assertion, medlar eval link: how good the rules are on cases whose answers are known.
#include <memory>

#include "base/mapped_file.h"
#include "base/scores.h"
#include "clinical/assertion_cases.h"
#include "clinical/linking.h"
#include "clinical/pubtator.h"
#include "command.h"

namespace medlar::cli {
namespace {

/// One line of a table for people.
std::string row(std::string_view name, const Json& scores) {
  const Json& f1 = scores["intervals_95"]["f1"];
  return fmt::format("{:<14} F1 {:.3f} ({:.3f}-{:.3f})  precision {:.3f}  recall {:.3f}  n {}",
                     name, scores["f1"].get<double>(), f1[0].get<double>(), f1[1].get<double>(),
                     scores["precision"].get<double>(), scores["recall"].get<double>(),
                     scores["expected"].get<i64>());
}

Result eval_assertion(const std::string& path, const Console& console) {
  const clinical::AssertionRules rules;
  const i64 axes = ssize_of(clinical::assertion_axes());
  std::vector<std::vector<Counts>> by_axis(static_cast<std::size_t>(axes));
  std::vector<Counts> all;
  i64 right = 0;
  i64 findings = 0;
  for (const clinical::AssertionCase& one :
       clinical::read_assertion_cases(read_text_file(path), path)) {
    const std::vector<clinical::Assertion> found = clinical::assess_case(rules, one);
    Counts sum;
    for (i64 axis = 0; axis < axes; ++axis) {
      Counts counts;
      for (std::size_t i = 0; i < found.size(); ++i) {
        const bool has = clinical::axis_of(found[i], axis);
        const bool wanted = clinical::axis_of(one.expected[i], axis);
        counts += {.right = has && wanted ? 1 : 0, .wanted = wanted ? 1 : 0, .found = has ? 1 : 0};
      }
      by_axis[static_cast<std::size_t>(axis)].push_back(counts);
      sum += counts;
    }
    all.push_back(sum);
    for (std::size_t i = 0; i < found.size(); ++i) right += found[i] == one.expected[i] ? 1 : 0;
    findings += ssize_of(found);
  }
  Json data = scores_json(all);
  data["findings"] = findings;
  data["all_axes_right"] = right;
  for (i64 axis = 0; axis < axes; ++axis) {
    const std::string name(clinical::assertion_axes()[static_cast<std::size_t>(axis)]);
    data["types"][name] = scores_json(by_axis[static_cast<std::size_t>(axis)]);
    console.line(row(name, data["types"][name]));
  }
  console.line(row("all", data));
  console.line(fmt::format("{} of {} findings right on every axis", right, findings));
  return {.data = std::move(data)};
}

struct EvalLinkOptions {
  std::string data;
  std::string terminology;
  std::string system = "MESH";
  std::string type = "Disease";
  double threshold = 0.7;
};

bool shares_code(const clinical::Concept& meaning, const std::string& system,
                 const std::vector<std::string>& codes) {
  return std::any_of(codes.begin(), codes.end(), [&](const std::string& code) {
    return std::find(meaning.references.begin(), meaning.references.end(), system + ":" + code) !=
           meaning.references.end();
  });
}

/// True where some concept has one of the codes: what linking could find at best.
bool is_reachable(const clinical::Linker& linker, const std::string& system,
                  const std::vector<std::string>& codes) {
  const auto& concepts = linker.terminology().concepts;
  return std::any_of(concepts.begin(), concepts.end(),
                     [&](const clinical::Concept& one) { return shares_code(one, system, codes); });
}

Result eval_link(const EvalLinkOptions& options, const Console& console) {
  const clinical::Linker linker(options.terminology.empty()
                                    ? clinical::disease_ontology()
                                    : clinical::read_terminology(options.terminology));
  std::vector<Counts> all;
  std::vector<Counts> reachable;
  for (const clinical::PubtatorDocument& document :
       clinical::read_pubtator(read_text_file(options.data), options.data)) {
    Counts sum;
    Counts reached;
    for (const clinical::PubtatorMention& mention : document.mentions) {
      if (mention.type != options.type || mention.codes.empty()) continue;
      const clinical::Link link =
          linker.link(mention.text, {.threshold = static_cast<float>(options.threshold)});
      const clinical::Candidate* best = link.best();
      const bool has_code =
          best != nullptr && !clinical::reference_in(*best->meaning, options.system).empty();
      const bool is_right = has_code && shares_code(*best->meaning, options.system, mention.codes);
      const Counts one = {.right = is_right ? 1 : 0, .wanted = 1, .found = has_code ? 1 : 0};
      sum += one;
      if (is_reachable(linker, options.system, mention.codes)) reached += one;
    }
    all.push_back(sum);
    reachable.push_back(reached);
  }
  Json data = scores_json(all);
  data["system"] = options.system;
  data["types"][options.type] = scores_json(all);
  data["within_terminology"] = scores_json(reachable);
  console.line(row("all", data));
  console.line(row("within", data["within_terminology"]));
  console.line(fmt::format("within: mentions whose {} code the terminology has", options.system));
  return {.data = std::move(data)};
}

}  // namespace

Command add_eval_assertion(CLI::App& eval) {
  CLI::App* app = eval.add_subcommand("assertion", "Negated, possible, past, family: the rules");
  const auto path = std::make_shared<std::string>();
  app->add_option("--data", *path, "Cases as in tests/cases/assertion/README.md")->required();
  app->footer("Example: medlar eval assertion --data tests/cases/assertion/held_out.txt");
  return {app, [path](const Console& console) { return eval_assertion(*path, console); }};
}

Command add_eval_link(CLI::App& eval) {
  CLI::App* app = eval.add_subcommand("link", "Terms with known codes through a terminology");
  const auto options = std::make_shared<EvalLinkOptions>();
  app->add_option("--data", options->data, "PubTator file with codes")->required();
  app->add_option("--terminology", options->terminology,
                  "As medlar link has it (default: the Disease Ontology)");
  app->add_option("--system", options->system, "System of the file's codes in the references")
      ->capture_default_str();
  app->add_option("--type", options->type, "Annotations to look at")->capture_default_str();
  app->add_option("--threshold", options->threshold, "Score below which a term means nothing")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->footer("Example: medlar eval link --data CDR_sample.txt");
  return {app, [options](const Console& console) { return eval_link(*options, console); }};
}

}  // namespace medlar::cli
