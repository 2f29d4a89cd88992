// Terminologies of the user: OBO, OMOP's CONCEPT.csv, CSV.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "clinical/csv.h"
#include "clinical/data_files.h"
#include "clinical/terminology.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

constexpr i64 most_bytes = i64{1} << 31;

/// The text between the first quotes of an OBO line, "\"" undone.
std::string quoted_text(std::string_view line) {
  std::string text;
  const std::size_t begin = line.find('"');
  if (begin == std::string_view::npos) return text;
  for (std::size_t i = begin + 1; i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    text += line[i];
  }
  return text;
}

/// OBO flat file format 1.2: terms with id, name, exact synonyms and cross-references.
Terminology read_obo(std::string_view text, const std::string& source) {
  Terminology terms = {.name = source, .version = {}, .concepts = {}};
  bool in_term = false;
  bool is_obsolete = false;
  Concept one;
  const auto finish = [&] {
    if (in_term && !is_obsolete && !one.code.empty() && !one.name.empty())
      terms.concepts.push_back(std::move(one));
    one = {};
    is_obsolete = false;
  };
  for (const std::string_view line : split_trimmed(text, '\n')) {
    const std::size_t colon = line.find(": ");
    const std::string_view tag = line.substr(0, colon);
    const std::string_view value =
        colon == std::string_view::npos ? std::string_view() : trimmed(line.substr(colon + 2));
    if (line.starts_with('[')) {
      finish();
      in_term = line == "[Term]";
    } else if (tag == "data-version") {
      terms.version = value;
    } else if (tag == "id") {
      one.code = value;
    } else if (tag == "name") {
      one.name = value;
    } else if (tag == "is_obsolete") {
      is_obsolete = value == "true";
    } else if (tag == "synonym" && value.find("\" EXACT") != std::string_view::npos) {
      one.synonyms.push_back(quoted_text(value));
    } else if (tag == "xref") {
      one.references.emplace_back(value.substr(0, value.find(' ')));
    }
  }
  finish();
  return terms;
}

/// Places of the columns that a header names.
class Columns {
 public:
  explicit Columns(const std::vector<std::string>& header) {
    for (std::size_t i = 0; i < header.size(); ++i) {
      std::string name(trimmed(header[i]));
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      places_.emplace(std::move(name), i);
    }
  }

  bool has(const std::string& name) const { return places_.contains(name); }

  std::string of(const std::vector<std::string>& row, const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() || found->second >= row.size() ? "" : row[found->second];
  }

 private:
  std::map<std::string, std::size_t> places_;
};

Concept omop_concept(const Columns& columns, const std::vector<std::string>& row) {
  const std::string vocabulary = columns.of(row, "vocabulary_id");
  return {.code = "OMOP:" + columns.of(row, "concept_id"),
          .name = columns.of(row, "concept_name"),
          .synonyms = {},
          .references = {vocabulary + ":" + columns.of(row, "concept_code")}};
}

Concept csv_concept(const Columns& columns, const std::vector<std::string>& row) {
  Concept one = {.code = columns.of(row, "code"),
                 .name = columns.of(row, "name"),
                 .synonyms = {},
                 .references = {}};
  const std::string synonyms = columns.of(row, "synonyms");
  for (const std::string_view name : split_trimmed(synonyms, '|')) {
    if (!name.empty()) one.synonyms.emplace_back(name);
  }
  const std::string references = columns.of(row, "references");
  for (const std::string_view reference : split_trimmed(references, ' ')) {
    if (!reference.empty()) one.references.emplace_back(reference);
  }
  return one;
}

Terminology read_table(std::string_view text, const std::string& source) {
  const bool has_tabs = text.substr(0, text.find('\n')).find('\t') != std::string_view::npos;
  CsvReader reader(text, has_tabs ? '\t' : ',', source);
  const Columns columns(reader.next().value_or(std::vector<std::string>{}));
  const bool is_omop = columns.has("concept_id") && columns.has("concept_name");
  if (!is_omop && (!columns.has("code") || !columns.has("name"))) {
    fail(ErrorCode::corrupt_file,
         "{} line 1: the header names neither code and name nor OMOP's concept_id and concept_name",
         source);
  }
  Terminology terms = {.name = source, .version = {}, .concepts = {}};
  while (const auto row = reader.next()) {
    Concept one = is_omop ? omop_concept(columns, *row) : csv_concept(columns, *row);
    if (!one.code.empty() && !one.name.empty()) terms.concepts.push_back(std::move(one));
  }
  return terms;
}

}  // namespace

Terminology parse_terminology(std::string_view text, const std::string& source) {
  text::check_utf8(text);
  const bool is_obo = text.starts_with("format-version:") || text.starts_with("[Term]");
  Terminology terms = is_obo ? read_obo(text, source) : read_table(text, source);
  if (terms.concepts.empty())
    fail(ErrorCode::corrupt_file, "{}: no concept with a code and a name", source);
  return terms;
}

Terminology read_terminology(const std::filesystem::path& path) {
  return parse_terminology(read_text_file(path, most_bytes), path.filename().string());
}

}  // namespace medlar::clinical
