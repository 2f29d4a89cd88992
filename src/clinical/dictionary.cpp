#include "clinical/dictionary.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

/// Roots of the ontology, which name nothing.
constexpr std::array<std::string_view, 2> roots = {"disease", "syndrome"};

}  // namespace

void Dictionary::add(std::string_view phrase, Entry entry) {
  if (phrase.starts_with('=')) {
    phrase.remove_prefix(1);
    entry.exact = phrase;
  }
  table_.add(phrase, ssize_of(entries_));
  entries_.push_back(std::move(entry));
}

void Dictionary::add_findings() {
  std::string label;
  for (const std::string_view line : data_lines(data::findings())) {
    if (line.starts_with('[')) {
      label = line.substr(1, line.size() - 2);
      continue;
    }
    const std::string_view name = line.substr(0, line.find(':'));
    const Entry entry = {
        .label = label, .name = std::string(name), .exact = {}, .code = {}, .references = {}};
    add(name, entry);
    if (name.size() == line.size()) continue;
    for (const std::string_view other : split_trimmed(line.substr(name.size() + 1), '|'))
      add(other, entry);
  }
}

Dictionary::Dictionary(const Terminology& diseases) {
  for (const Concept& one : diseases.concepts) {
    if (std::find(roots.begin(), roots.end(), one.name) != roots.end()) continue;
    const Entry entry = {.label = "disease",
                         .name = one.name,
                         .exact = {},
                         .code = one.code,
                         .references = fmt::format("{}", fmt::join(one.references, " "))};
    add(one.name, entry);
    for (const std::string& synonym : one.synonyms) add(synonym, entry);
  }
  add_findings();
}

std::vector<Span> Dictionary::find(std::string_view text, std::span<const Word> words) const {
  std::vector<Span> spans;
  for (const PhraseTable::Match& match : table_.all(text, words)) {
    const Entry& entry = entries_[static_cast<std::size_t>(match.value)];
    const ByteRange range = range_of(words, match);
    if (!entry.exact.empty() && text_of(text, range) != entry.exact) continue;
    Span span = {.range = range,
                 .label = entry.label,
                 .score = 1.0F,
                 .producer = "dictionary",
                 .evidence = entry.code.empty() ? "word list" : "name in the terminology",
                 .attributes = {{"name", entry.name}}};
    if (!entry.code.empty()) span.attributes["code"] = entry.code;
    if (!entry.references.empty()) span.attributes["references"] = entry.references;
    spans.push_back(std::move(span));
  }
  return spans;
}

}  // namespace medlar::clinical
