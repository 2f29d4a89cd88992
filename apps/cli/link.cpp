// medlar link: what a term means in a terminology.
#include <memory>

#include "clinical/linking.h"
#include "runtime/text_runs.h"
#include "session.h"

namespace medlar::cli {
namespace {

struct LinkTextOptions {
  std::string text;
  std::string terminology;
  std::string encoder;
  i64 candidates = 5;
  double threshold = 0.7;
  MachineOptions machine;
};

Json candidate_json(const clinical::Candidate& one) {
  return {{"code", one.meaning->code},
          {"name", one.meaning->name},
          {"score", one.score},
          {"matched_name", one.name},
          {"how", one.how},
          {"references", one.meaning->references}};
}

Result link_with(const LinkTextOptions& options, const clinical::EmbedTexts& embed,
                 const Console& console) {
  const clinical::Linker linker(options.terminology.empty()
                                    ? clinical::disease_ontology()
                                    : clinical::read_terminology(options.terminology));
  const clinical::Link link =
      linker.link(options.text, {.candidates = options.candidates,
                                 .threshold = static_cast<float>(options.threshold),
                                 .embed = embed});
  Json candidates = Json::array();
  for (const clinical::Candidate& one : link.candidates) {
    candidates.push_back(candidate_json(one));
    console.line(fmt::format("{:.3f}  {:<14} {}  ({}: {})", one.score, one.meaning->code,
                             one.meaning->name, one.how, one.name));
    for (const std::string& reference : one.meaning->references)
      console.line(fmt::format("       {}", reference));
  }
  if (link.is_nil) console.line("NIL: no name comes near enough");
  return {.data = {{"terminology", linker.terminology().name},
                   {"version", linker.terminology().version},
                   {"nil", link.is_nil},
                   {"code", link.is_nil ? Json() : Json(link.candidates.front().meaning->code)},
                   {"candidates", std::move(candidates)}}};
}

Result link(const LinkTextOptions& options, const Console& console) {
  if (options.encoder.empty()) return link_with(options, {}, console);
  const text::Tokenizer tokenizer = tokenizer_of(options.encoder);
  Result result;
  with_model(options.encoder, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64) {
               const auto embed = [&](const std::vector<std::string>& texts) {
                 return runtime::embed(runner, tokenizer, texts, {},
                                       progress_of(console, "embedding"))
                     .rows;
               };
               result = link_with(options, embed, console);
             });
  return result;
}

}  // namespace

Command add_link(CLI::App& root) {
  CLI::App* app = root.add_subcommand("link", "What a term means in a terminology, with its codes");
  const auto options = std::make_shared<LinkTextOptions>();
  app->add_option("text", options->text, "Term, in quotes")->required();
  app->add_option("--terminology", options->terminology,
                  "OBO file, OMOP CONCEPT.csv, or CSV with the columns code, name, synonyms, "
                  "references (default: the Disease Ontology)");
  app->add_option("--encoder", options->encoder,
                  "Encoder whose vectors order what is spelt differently");
  app->add_option("--candidates", options->candidates, "Meanings to show")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app->add_option("--threshold", options->threshold,
                  "Score below which the term means nothing here")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  options->machine.add_threads(*app);
  app->footer("Example: medlar link \"type 2 diabetes\"");
  return {app, [options](const Console& console) { return link(*options, console); }};
}

}  // namespace medlar::cli
