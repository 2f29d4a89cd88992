#include "clinical/pubtator.h"

#include "base/error.h"
#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

std::vector<std::string> codes_of(std::string_view field) {
  std::vector<std::string> codes;
  for (std::string_view code : split_trimmed(field, '|')) {
    if (code.starts_with("MESH:")) code.remove_prefix(5);
    if (!code.empty() && code != "-1") codes.emplace_back(code);
  }
  return codes;
}

/// Parts of "id|t|text".
struct TextLine {
  std::string_view id;
  char part = '\0';
  std::string_view text;
};

TextLine text_line(std::string_view line) {
  const std::size_t bar = line.find('|');
  if (bar == std::string_view::npos || bar + 2 >= line.size() || line[bar + 2] != '|') return {};
  return {.id = line.substr(0, bar), .part = line[bar + 1], .text = line.substr(bar + 3)};
}

}  // namespace

std::vector<PubtatorDocument> read_pubtator(std::string_view text, const std::string& source) {
  std::vector<PubtatorDocument> documents;
  i64 number = 0;
  for (const std::string_view line : split_trimmed(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    const TextLine part = text_line(line);
    if (part.part == 't') {
      documents.push_back({.id = std::string(part.id),
                           .title = std::string(part.text),
                           .abstract = {},
                           .mentions = {}});
      continue;
    }
    if (documents.empty())
      fail(ErrorCode::corrupt_file, "{} line {}: no title before it", source, number);
    if (part.part == 'a') {
      documents.back().abstract = part.text;
      continue;
    }
    const std::vector<std::string_view> columns = split_trimmed(line, '\t');
    if (columns.size() == 4) continue;  // a relation
    if (columns.size() < 5) {
      fail(ErrorCode::corrupt_file, "{} line {}: {} columns instead of 5 or 6", source, number,
           columns.size());
    }
    documents.back().mentions.push_back(
        {.text = std::string(columns[3]),
         .type = std::string(columns[4]),
         .codes = columns.size() > 5 ? codes_of(columns[5]) : std::vector<std::string>{}});
  }
  return documents;
}

}  // namespace medlar::clinical
