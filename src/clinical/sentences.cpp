#include "clinical/sentences.h"

#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

/// Lines of wrapped prose are at least this long; shorter ones are lists.
constexpr i64 wrapped_bytes = 40;
constexpr i64 full_line_bytes = 60;

char at(std::string_view text, i64 i) {
  return i >= 0 && i < ssize_of(text) ? text[static_cast<std::size_t>(i)] : ' ';
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_upper(c) || is_lower(c); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_stop(char c) { return c == '.' || c == '!' || c == '?'; }

/// "- x", "* x", "• x", "1. x", "2) x", "a) x".
bool is_item(std::string_view line) {
  if (line.starts_with("\u2022") || line.starts_with("\u25AA") || line.starts_with("\u25CF"))
    return true;
  if (std::string_view("-*>+").find(at(line, 0)) != std::string_view::npos) return true;
  i64 i = 0;
  while (i < 3 && is_digit(at(line, i))) ++i;
  if (i == 0 && is_letter(at(line, 0)) && at(line, 1) == ')') return true;
  return i > 0 && (at(line, i) == '.' || at(line, i) == ')') && is_blank(at(line, i + 1));
}

/// "HEENT: ...": a colon within the first words, a capital before.
bool is_labelled(std::string_view line) {
  constexpr std::size_t longest_label = 40;
  const std::size_t colon = line.substr(0, longest_label).find(':');
  return colon != std::string_view::npos && is_upper(line.front()) &&
         line.substr(0, colon).find_first_of(".;") == std::string_view::npos;
}

bool is_table_row(std::string_view line) {
  return line.find('|') != std::string_view::npos || line.find('\t') != std::string_view::npos ||
         line.find("    ") != std::string_view::npos;
}

/// True where `next` goes on with the prose of `line`; neither is empty.
bool is_wrapped(std::string_view line, std::string_view next) {
  if (is_item(next) || is_labelled(next) || is_table_row(line) || is_table_row(next)) return false;
  const char last = line.back();
  if (last == ':') return false;
  if (last == ',' || line.ends_with(" and") || line.ends_with(" or")) return true;
  if (ssize_of(line) >= full_line_bytes) return true;
  return ssize_of(line) >= wrapped_bytes && is_lower(next.front()) && last != '.';
}

ByteRange without_blanks(std::string_view text, ByteRange range) {
  while (range.begin < range.end && is_blank(at(text, range.begin))) ++range.begin;
  while (range.begin < range.end && is_blank(at(text, range.end - 1))) --range.end;
  return range;
}

/// Lines that belong together, as one range each.
std::vector<ByteRange> blocks_of(std::string_view text, ByteRange range) {
  std::vector<ByteRange> blocks;
  ByteRange previous;  // the last line; empty where none goes on
  const std::string_view inside = text.substr(0, static_cast<std::size_t>(range.end));
  for (i64 begin = range.begin; begin < range.end;) {
    const std::size_t newline = inside.find('\n', static_cast<std::size_t>(begin));
    const i64 end = newline == std::string_view::npos ? range.end : static_cast<i64>(newline);
    const ByteRange line = without_blanks(text, {.begin = begin, .end = end});
    begin = end + 1;
    const bool goes_on = previous.size() > 0 && line.size() > 0 &&
                         is_wrapped(text_of(text, previous), text_of(text, line));
    if (goes_on) {
      blocks.back().end = line.end;
    } else if (line.size() > 0) {
      blocks.push_back(line);
    }
    previous = line;
  }
  return blocks;
}

/// The word before a full stop with the stops inside it ("q.d"), in small letters.
std::string word_before(std::string_view text, i64 begin, i64 stop) {
  constexpr i64 longest = 24;
  i64 from = stop;
  while (from > begin && stop - from < longest &&
         (is_letter(at(text, from - 1)) || at(text, from - 1) == '.'))
    --from;
  std::string word(text_of(text, {.begin = from, .end = stop}));
  for (char& c : word) c = is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  return word;
}

/// "J." in "Dr. J. Smith": one capital behind a capital word, a title or nothing.
bool is_initial(std::string_view text, i64 begin, i64 stop) {
  if (!is_upper(at(text, stop - 1)) || (stop - 1 > begin && !is_blank(at(text, stop - 2))))
    return false;
  i64 i = stop - 2;
  while (i > begin && is_blank(at(text, i))) --i;
  if (i <= begin || at(text, i) == '.') return true;
  while (i > begin && is_letter(at(text, i - 1))) --i;
  return is_upper(at(text, i));
}

void add(std::string_view text, ByteRange sentence, std::vector<ByteRange>& out) {
  const ByteRange range = without_blanks(text, sentence);
  if (range.size() > 0) out.push_back(range);
}

}  // namespace

SentenceSplitter::SentenceSplitter() {
  for (const std::string_view line : data_lines(data::abbreviations())) {
    const std::size_t colon = line.find(':');
    const std::string_view kind = line.substr(0, colon);
    auto& words = kind == "never" ? never_ : kind == "number" ? number_ : small_;
    for (const std::string_view word : split_trimmed(line.substr(colon + 1), '|'))
      words.emplace(word);
  }
}

bool SentenceSplitter::stop_ends(std::string_view text, ByteRange sentence, i64 stop,
                                 i64 next) const {
  if (at(text, stop) != '.') return true;
  const char follows = at(text, next);
  const char before = at(text, stop - 1);
  if (is_digit(before)) {
    // "1. Hypertension": a number that opens the sentence is its number.
    i64 i = stop;
    while (i > sentence.begin && is_digit(at(text, i - 1))) --i;
    return i > sentence.begin;
  }
  const std::string word = word_before(text, sentence.begin, stop);
  if (never_.contains(word) || is_initial(text, sentence.begin, stop)) return false;
  if (is_digit(follows) && number_.contains(word)) return false;
  if (!is_lower(follows)) return true;
  constexpr std::size_t shortest = 3;
  return word.size() >= shortest && word.find('.') == std::string::npos && !small_.contains(word);
}

void SentenceSplitter::split_block(std::string_view text, ByteRange block,
                                   std::vector<ByteRange>& out) const {
  ByteRange sentence = {.begin = block.begin, .end = block.end};
  for (i64 i = block.begin; i < block.end; ++i) {
    if (!is_stop(at(text, i))) continue;
    i64 end = i + 1;
    while (end < block.end &&
           std::string_view(")]\"'").find(at(text, end)) != std::string_view::npos)
      ++end;
    if (end < block.end && !is_blank(at(text, end))) continue;
    i64 next = end;
    while (next < block.end && is_blank(at(text, next))) ++next;
    if (next < block.end && !stop_ends(text, sentence, i, next)) continue;
    add(text, {.begin = sentence.begin, .end = end}, out);
    sentence.begin = next;
    i = next - 1;
  }
  add(text, sentence, out);
}

std::vector<ByteRange> SentenceSplitter::split(std::string_view text, ByteRange range) const {
  std::vector<ByteRange> sentences;
  for (const ByteRange& block : blocks_of(text, range)) split_block(text, block, sentences);
  return sentences;
}

}  // namespace medlar::clinical
