#include "train/tagged_text.h"

#include <fstream>
#include <optional>

#include "base/error.h"

namespace medlar::train {
namespace {

constexpr std::size_t longest_line = 1 << 16;

struct Tag {
  char mark;  ///< B, I or O; E, L and M as I, S, U and W as B
  std::string_view type;
};

std::optional<Tag> tag_of(std::string_view text, std::string_view bare_type) {
  if (text == "O") return Tag{'O', {}};
  if (text.empty() || (text.size() > 1 && (text[1] != '-' || text.size() == 2)))
    return std::nullopt;
  const std::string_view type = text.size() > 1 ? text.substr(2) : bare_type;
  switch (text[0]) {
    case 'B':
    case 'S':
    case 'U':
    case 'W':
      return Tag{'B', type};
    case 'I':
    case 'E':
    case 'L':
    case 'M':
      return Tag{'I', type};
    default:
      return std::nullopt;
  }
}

/// Word and tag of a line: its first and its last column.
std::optional<std::pair<std::string_view, std::string_view>> columns_of(std::string_view line) {
  constexpr std::string_view blanks = " \t";
  const bool tabs = line.find('\t') != std::string_view::npos;
  const std::string_view separators = tabs ? blanks.substr(1) : blanks;
  const std::size_t first = line.find_first_of(separators);
  const std::size_t last = line.find_last_of(separators);
  if (first == std::string_view::npos || first == 0 || last + 1 == line.size()) return std::nullopt;
  return std::pair{line.substr(0, first), line.substr(last + 1)};
}

}  // namespace

std::vector<std::string> normal_labels(std::span<const std::string> tags,
                                       const std::string& bare_type) {
  std::vector<std::string> labels;
  std::string_view before;  // the type of the span that goes on
  for (const std::string& text : tags) {
    const std::optional<Tag> tag = tag_of(text, bare_type);
    if (!tag)
      fail(ErrorCode::invalid_argument, "a tag of none of the styles IO, IOB, BIOES, B/I/O");
    if (tag->mark == 'O') {
      labels.emplace_back("O");
    } else {
      const bool begins = tag->mark == 'B' || tag->type != before;
      labels.push_back((begins ? "B-" : "I-") + std::string(tag->type));
    }
    before = tag->type;
  }
  return labels;
}

std::vector<TaggedSentence> read_conll(const std::filesystem::path& path,
                                       const std::string& bare_type) {
  std::ifstream file(path);
  if (!file) fail(ErrorCode::io, "cannot read {}", path.string());
  std::vector<TaggedSentence> sentences;
  TaggedSentence sentence;
  const auto finish = [&] {
    if (sentence.words.empty()) return;
    sentence.labels = normal_labels(sentence.labels, bare_type);
    sentences.push_back(std::exchange(sentence, {}));
  };
  i64 number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos || line.starts_with("-DOCSTART-")) {
      finish();
      continue;
    }
    const auto columns = columns_of(line);
    if (!columns || line.size() > longest_line || !tag_of(columns->second, bare_type)) {
      fail(ErrorCode::corrupt_file, "{}:{} is no word with a tag (O, B-type, I-type, ..)",
           path.string(), number);
    }
    sentence.words.emplace_back(columns->first);
    sentence.labels.emplace_back(columns->second);
  }
  finish();
  return sentences;
}

}  // namespace medlar::train
