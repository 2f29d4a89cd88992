#include "train/standoff.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "text/unicode.h"

namespace medlar::train {
namespace {

/// Byte offsets of a text's code points, the end included.
std::vector<i64> byte_offsets(std::string_view text) {
  std::vector<i64> offsets;
  for (i64 at = 0; at < ssize_of(text); at += text::code_point_at(text, at).bytes)
    offsets.push_back(at);
  offsets.push_back(ssize_of(text));
  return offsets;
}

/// Where an error in a file is told to be.
struct Place {
  const std::filesystem::path& path;
  i64 line;

  [[noreturn]] void refuse(std::string_view what) const {
    fail(ErrorCode::corrupt_file, "{}:{}: {}", path.string(), line, what);
  }
};

/// Code points [begin, end) as an annotation in bytes.
Annotation annotation_of(const std::vector<i64>& offsets, std::string type, i64 begin, i64 end,
                         const Place& place) {
  if (begin < 0 || end <= begin || end >= ssize_of(offsets))
    place.refuse("an entity beyond the text");
  return {.type = std::move(type),
          .range = {.begin = offsets[static_cast<std::size_t>(begin)],
                    .end = offsets[static_cast<std::size_t>(end)]}};
}

std::vector<std::string> split(std::string_view line, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(separator, at), line.size());
    parts.emplace_back(line.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

i64 number_of(std::string_view text, const Place& place) {
  i64 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) place.refuse("no offset");
  return value;
}

/// Calls visit(line, number) for each line, without its end.
template <typename Visit>
void for_each_line_of(const std::filesystem::path& path, const Visit& visit) {
  std::istringstream file(read_text_file(path));
  i64 number = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    visit(line, Place{path, ++number});
  }
}

AnnotatedText read_brat_pair(const std::filesystem::path& text_file) {
  AnnotatedText result = {.text = read_text_file(text_file), .annotations = {}};
  text::check_utf8(result.text);
  const std::vector<i64> offsets = byte_offsets(result.text);
  std::filesystem::path annotations = text_file;
  annotations.replace_extension(".ann");
  for_each_line_of(annotations, [&](const std::string& line, const Place& place) {
    if (!line.starts_with('T')) return;  // relations, notes, events
    // T1 TAB type begin end[;begin end] TAB words
    const std::vector<std::string> columns = split(line, '\t');
    const std::size_t space = columns.size() < 2 ? std::string::npos : columns[1].find(' ');
    if (space == std::string::npos) place.refuse("no entity");
    const std::string_view stretch = std::string_view(columns[1]).substr(space + 1);
    const i64 begin = number_of(stretch.substr(0, stretch.find(' ')), place);
    const i64 end = number_of(stretch.substr(stretch.find_last_of(' ') + 1), place);
    result.annotations.push_back(
        annotation_of(offsets, columns[1].substr(0, space), begin, end, place));
  });
  return result;
}

AnnotatedText text_from(const Json& json, const Place& place) {
  AnnotatedText result;
  try {
    result.text = json.at("text").get<std::string>();
    const std::vector<i64> offsets = byte_offsets(result.text);
    const char* list = json.contains("entities") ? "entities" : "spans";
    for (const Json& entity : json.at(list)) {
      const char* type = entity.contains("label") ? "label" : "type";
      result.annotations.push_back(annotation_of(offsets, entity.at(type).get<std::string>(),
                                                 entity.at("start").get<i64>(),
                                                 entity.at("end").get<i64>(), place));
    }
  } catch (const Json::exception&) {
    place.refuse("no object with text and entities (start, end, label)");
  }
  return result;
}

/// Those that do not overlap, the longer ones first chosen, by begin.
std::map<i64, const Annotation*> apart(const std::vector<Annotation>& annotations) {
  std::vector<const Annotation*> by_length;
  for (const Annotation& annotation : annotations) by_length.push_back(&annotation);
  std::ranges::sort(by_length, {}, [](const Annotation* a) {
    return std::tuple(-a->range.size(), a->range.begin, std::string_view(a->type));
  });
  std::map<i64, const Annotation*> chosen;
  for (const Annotation* annotation : by_length) {
    const auto next = chosen.lower_bound(annotation->range.begin);
    const bool before_next = next == chosen.end() || annotation->range.end <= next->first;
    const bool after_last =
        next == chosen.begin() || std::prev(next)->second->range.end <= annotation->range.begin;
    if (before_next && after_last) chosen[annotation->range.begin] = annotation;
  }
  return chosen;
}

bool is_of_word(u32 code_point) {
  return (text::character_class(code_point) &
          (text::class_letter | text::class_mark | text::class_number)) != 0;
}

/// End of the word that begins at `at`, no later than `limit`.
i64 word_end(std::string_view text, i64 at, i64 limit) {
  const text::CodePoint first = text::code_point_at(text, at);
  i64 end = at + first.bytes;
  if (!is_of_word(first.value)) return end;
  while (end < limit) {
    const text::CodePoint next = text::code_point_at(text, end);
    if (!is_of_word(next.value)) break;
    end += next.bytes;
  }
  return std::min(end, limit);
}

/// Whether a sentence ends between a word and the next, by what stands between them.
bool ends_sentence(std::string_view word, std::string_view gap, u32 next) {
  if (std::ranges::count(gap, '\n') > 1) return true;
  const bool stop = word == "." || word == "!" || word == "?";
  const u32 starts = text::class_upper | text::class_title | text::class_number;
  return stop && !gap.empty() && (text::character_class(next) & starts) != 0;
}

}  // namespace

std::vector<AnnotatedText> read_pubtator(const std::filesystem::path& path) {
  std::vector<AnnotatedText> texts;
  std::string id;
  std::vector<i64> offsets;
  for_each_line_of(path, [&](const std::string& line, const Place& place) {
    const std::vector<std::string> bars = split(line.substr(0, 64), '|');
    const std::size_t begin = line.find('|', line.find('|') + 1) + 1;
    if (bars.size() > 2 && bars[1] == "t") {
      id = bars[0];
      texts.push_back({.text = line.substr(begin), .annotations = {}});
      text::check_utf8(texts.back().text);
      offsets = byte_offsets(texts.back().text);
    } else if (bars.size() > 2 && bars[1] == "a" && bars[0] == id && !texts.empty()) {
      texts.back().text += " " + line.substr(begin);
      text::check_utf8(texts.back().text);
      offsets = byte_offsets(texts.back().text);
    } else if (!line.empty()) {
      const std::vector<std::string> columns = split(line, '\t');
      if (texts.empty() || columns[0] != id) place.refuse("a line of no text that came before");
      if (columns.size() < 5) return;  // a relation
      texts.back().annotations.push_back(annotation_of(
          offsets, columns[4], number_of(columns[1], place), number_of(columns[2], place), place));
    }
  });
  return texts;
}

std::vector<AnnotatedText> read_brat(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) {
    std::filesystem::path text_file = path;
    return {read_brat_pair(text_file.replace_extension(".txt"))};
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".ann") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<AnnotatedText> texts;
  for (std::filesystem::path& file : files)
    texts.push_back(read_brat_pair(file.replace_extension(".txt")));
  return texts;
}

std::vector<AnnotatedText> read_jsonl(const std::filesystem::path& path) {
  std::vector<AnnotatedText> texts;
  for_each_line_of(path, [&](const std::string& line, const Place& place) {
    if (!line.empty()) texts.push_back(text_from(parse_json(line, path.string()), place));
  });
  return texts;
}

std::vector<TaggedSentence> sentences_of(const AnnotatedText& annotated) {
  const std::string_view text = annotated.text;
  const std::map<i64, const Annotation*> annotations = apart(annotated.annotations);
  auto next = annotations.begin();
  std::vector<TaggedSentence> sentences(1);
  i64 last_end = 0;
  for (i64 at = 0; at < ssize_of(text);) {
    const text::CodePoint here = text::code_point_at(text, at);
    if ((text::character_class(here.value) & text::class_space) != 0) {
      at += here.bytes;
      continue;
    }
    while (next != annotations.end() && next->second->range.end <= at) ++next;
    const bool inside = next != annotations.end() && next->first <= at;
    const bool begins = inside && (next->first == at || last_end <= next->first);
    TaggedSentence* sentence = &sentences.back();
    const auto from = static_cast<std::size_t>(last_end);
    const std::string_view gap = text.substr(from, static_cast<std::size_t>(at) - from);
    if (!sentence->words.empty() && (!inside || begins) &&
        ends_sentence(sentence->words.back(), gap, here.value)) {
      sentence = &sentences.emplace_back();
    }
    // A word ends where an entity begins or ends.
    i64 limit = ssize_of(text);
    if (next != annotations.end()) limit = inside ? next->second->range.end : next->first;
    const i64 end = word_end(text, at, limit);
    sentence->words.emplace_back(
        text.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(end - at)));
    sentence->labels.push_back(!inside ? "O" : (begins ? "B-" : "I-") + next->second->type);
    at = last_end = end;
  }
  if (sentences.back().words.empty()) sentences.pop_back();
  return sentences;
}

std::vector<TaggedSentence> read_sentences(const std::filesystem::path& path) {
  const std::string kind = path.extension().string();
  std::vector<AnnotatedText> texts;
  std::vector<TaggedSentence> sentences;
  if (std::filesystem::is_directory(path) || kind == ".ann") {
    texts = read_brat(path);
  } else if (kind == ".jsonl") {
    texts = read_jsonl(path);
  } else if (kind == ".pubtator" || kind == ".txt") {
    texts = read_pubtator(path);
  } else {
    sentences = read_conll(path);
  }
  for (const AnnotatedText& text : texts) {
    for (TaggedSentence& sentence : sentences_of(text)) sentences.push_back(std::move(sentence));
  }
  if (sentences.empty())
    fail(ErrorCode::invalid_argument, "{} holds no labelled sentence", path.string());
  return sentences;
}

}  // namespace medlar::train
