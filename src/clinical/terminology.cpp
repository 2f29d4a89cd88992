#include "clinical/terminology.h"

#include <unordered_map>

#include "base/error.h"
#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

std::vector<std::string> filled(const std::vector<std::string_view>& parts) {
  std::vector<std::string> result;
  for (const std::string_view part : parts) {
    if (!part.empty()) result.emplace_back(part);
  }
  return result;
}

std::string_view system_of(char letter) {
  switch (letter) {
    case 'I':
      return "ICD10CM";
    case 'S':
      return "SNOMEDCT";
    case 'M':
      return "MESH";
    default:
      return "UMLS";
  }
}

/// "GIST" as a synonym is not the word.
bool is_abbreviation(std::string_view name) {
  constexpr std::size_t longest = 4;
  return name.size() <= longest &&
         name.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
}

Concept concept_of_line(std::string_view line) {
  const std::vector<std::string_view> columns = split_trimmed(line, '\t');
  MEDLAR_CHECK(columns.size() >= 2);
  Concept one = {.code = "DOID:" + std::string(columns[0]),
                 .name = std::string(columns[1]),
                 .synonyms = {},
                 .references = {}};
  if (columns.size() > 2) one.synonyms = filled(split_trimmed(columns[2], '|'));
  for (std::string& synonym : one.synonyms) {
    if (is_abbreviation(synonym)) synonym.insert(0, "=");
  }
  if (columns.size() > 3) {
    for (const std::string& code : filled(split_trimmed(columns[3], ' ')))
      one.references.push_back(std::string(system_of(code[0])) + ":" + code.substr(1));
  }
  return one;
}

/// The date in the first line of the file.
std::string release_of(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::size_t digit = first.find_first_of("0123456789");
  return digit == std::string_view::npos ? "" : std::string(first.substr(digit, 10));
}

}  // namespace

Terminology disease_ontology() {
  Terminology terms = {
      .name = "Disease Ontology", .version = release_of(data::disease_ontology()), .concepts = {}};
  std::unordered_map<std::string, std::size_t> by_name;
  for (const std::string_view line : data_lines(data::disease_ontology())) {
    terms.concepts.push_back(concept_of_line(line));
    by_name.emplace(terms.concepts.back().name, terms.concepts.size() - 1);
  }
  for (const std::string_view line : data_lines(data::disease_synonyms())) {
    const std::size_t colon = line.find(':');
    const auto found = by_name.find(std::string(line.substr(0, colon)));
    MEDLAR_CHECK(found != by_name.end());
    for (std::string& name : filled(split_trimmed(line.substr(colon + 1), '|')))
      terms.concepts[found->second].synonyms.push_back(std::move(name));
  }
  return terms;
}

std::string reference_in(const Concept& one, const std::string& system) {
  for (const std::string& reference : one.references) {
    if (reference.starts_with(system + ":")) return reference.substr(system.size() + 1);
  }
  return {};
}

}  // namespace medlar::clinical
