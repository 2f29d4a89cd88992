// medlar eval: how well a model does on labelled data.
#include <memory>

#include "base/error.h"
#include "models/config.h"
#include "session.h"
#include "train/standoff.h"
#include "train/token_task.h"

namespace medlar::cli {
namespace {

struct EvalNerOptions {
  std::string model;
  std::string data;
  std::string head;
  i64 sequence_tokens = 128;
  i64 rounds = 1000;
  MachineOptions machine;
};

std::string small_letters(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

/// Types of the sentences as the head names them; those that differ in capital letters alone are
/// the same.
void adopt_types(runtime::TokenHead& head, const std::vector<train::TaggedSentence>& sentences) {
  for (const train::TaggedSentence& sentence : sentences) {
    for (const std::string& label : sentence.labels) {
      if (label.size() < 3 || head.renamed.contains(label.substr(2))) continue;
      for (const std::string& known : head.labels) {
        if (known.size() > 2 && small_letters(known.substr(2)) == small_letters(label.substr(2)))
          head.renamed[label.substr(2)] = known.substr(2);
      }
    }
  }
}

/// How many of the sentences' span beginnings a head has a label for.
i64 known_spans(const runtime::TokenHead& head,
                const std::vector<train::TaggedSentence>& sentences) {
  i64 count = 0;
  for (const train::TaggedSentence& sentence : sentences) {
    for (const std::string& label : sentence.labels) {
      if (!label.starts_with("B-")) continue;
      const auto named = head.renamed.find(label.substr(2));
      const std::string ours =
          "B-" + (named != head.renamed.end() ? named->second : label.substr(2));
      if (std::ranges::find(head.labels, ours) != head.labels.end()) ++count;
    }
  }
  return count;
}

/// The head that is asked for, or the one that knows the types of the data. A model without heads
/// is one head.
runtime::TokenHead head_of(const Json& config, const std::string& name,
                           const std::vector<train::TaggedSentence>& sentences) {
  const std::vector<std::string> labels = models::label_names(config);
  std::vector<runtime::TokenHead> heads = runtime::token_heads(config, ssize_of(labels));
  if (heads.empty()) heads.push_back({.name = "", .labels = labels, .first = 0, .renamed = {}});
  const runtime::TokenHead* best = nullptr;
  std::string names;
  for (runtime::TokenHead& head : heads) {
    names += (names.empty() ? "" : ", ") + head.name;
    if (!name.empty() && head.name == name) return adopt_types(head, sentences), head;
    if (name.empty()) {
      adopt_types(head, sentences);
      if (best == nullptr || known_spans(head, sentences) > known_spans(*best, sentences))
        best = &head;
    }
  }
  if (best == nullptr) fail(ErrorCode::not_found, "the model has no such head; it has {}", names);
  return *best;
}

/// The counts of one type in each sentence.
std::vector<Counts> of_type(const std::vector<train::TypeCounts>& sentences,
                            const std::string& type) {
  std::vector<Counts> counts;
  for (const train::TypeCounts& types : sentences) {
    const auto found = types.find(type);
    counts.push_back(found == types.end() ? Counts() : found->second);
  }
  return counts;
}

std::string row(const std::string& name, const Counts& counts) {
  return fmt::format("{:<24} {:>8.2f} {:>10.2f} {:>8.2f} {:>8}", name, 100.0 * counts.f1(),
                     100.0 * counts.precision(), 100.0 * counts.recall(), counts.wanted);
}

Result eval_ner(const EvalNerOptions& options, const Console& console) {
  const std::vector<train::TaggedSentence> sentences = train::read_sentences(options.data);
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  std::vector<train::TypeCounts> counts;
  std::string head_name;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64) {
               const runtime::TokenHead head = head_of(runner.config(), options.head, sentences);
               head_name = head.name;
               counts = train::score_sentences(
                   runner, head, train::encode_sentences(tokenizer, sentences, head),
                   train::sequence_shape(
                       tokenizer, std::min(options.sequence_tokens, runner.facts().context)));
             });
  const Counts total = train::total_of(counts);
  Json data = scores_json(train::per_sentence(counts), options.rounds);
  data["sentences"] = ssize_of(counts);
  if (!head_name.empty()) data["head"] = head_name;
  data["types"] = Json::object();
  console.line(
      fmt::format("{:<24} {:>8} {:>10} {:>8} {:>8}", "type", "F1", "precision", "recall", "spans"));
  for (const auto& [type, sum] : train::by_type(counts)) {
    console.line(row(type, sum));
    data["types"][type] = scores_json(of_type(counts, type), options.rounds);
  }
  console.line(row("all (micro)", total));
  const Json& interval = data["intervals_95"]["f1"];
  console.line(fmt::format("F1 95 % interval {:.2f} to {:.2f}, {} sentences",
                           100.0 * interval[0].get<double>(), 100.0 * interval[1].get<double>(),
                           counts.size()));
  return {.data = std::move(data)};
}

}  // namespace

Command add_eval_ner(CLI::App& eval) {
  CLI::App* app = eval.add_subcommand(
      "ner", "Strict F1 of the entities that a token classifier finds, with its 95 % interval");
  const auto options = std::make_shared<EvalNerOptions>();
  app->add_option("--model", options->model, "Token classifier, folder or file")->required();
  app->add_option("--data", options->data,
                  "Labelled texts: CoNLL (word TAB tag), .jsonl, .txt of PubTator, folder of BRAT")
      ->required();
  app->add_option("--head", options->head,
                  "Head to measure (default: the one that knows the data's types)");
  app->add_option("--sequence", options->sequence_tokens,
                  "Sentences share sequences of up to this many tokens")
      ->check(CLI::Range(3, 1 << 20))
      ->capture_default_str();
  app->add_option("--rounds", options->rounds, "Samples of the bootstrap")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  options->machine.add_threads(*app);
  options->machine.add_adapters(*app);
  app->footer("Example: medlar eval ner --model models/medlar-ner --data devel.tsv");
  return {app, [options](const Console& console) { return eval_ner(*options, console); }};
}

}  // namespace medlar::cli
