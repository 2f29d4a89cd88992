#include "clinical/sections.h"

#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

constexpr i64 longest_heading_bytes = 80;

char at(std::string_view text, i64 i) {
  return i < ssize_of(text) ? text[static_cast<std::size_t>(i)] : '\n';
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Letters are there, and all of them capitals.
bool in_capitals(std::string_view text) {
  bool any = false;
  for (const char c : text) {
    if (is_lower(c)) return false;
    any = any || is_upper(c);
  }
  return any;
}

/// "Functional Status", "Plan of Care": capitals begin all words but short ones, no digit.
bool in_title_case(std::string_view text) {
  constexpr std::size_t short_word = 3;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool is_letter = i < text.size() && (is_upper(text[i]) || is_lower(text[i]));
    if (i < text.size() && (is_letter || static_cast<u8>(text[i]) >= 0x80)) continue;
    if (i < text.size() && is_digit(text[i])) return false;
    const bool counts = i - begin > short_word || begin == 0;
    if (counts && (i == begin || !is_upper(text[begin]))) return false;
    begin = i + 1;
  }
  return true;
}

/// Where a line's words begin, behind bullets, numbers ("3." or "3)") and the marks of Markdown.
i64 skip_marks(std::string_view text, i64 begin, i64 end) {
  i64 i = begin;
  while (i < end && std::string_view(" \t#*-_=>").find(at(text, i)) != std::string_view::npos) ++i;
  i64 digits = i;
  while (digits < end && digits < i + 2 && is_digit(at(text, digits))) ++digits;
  if (digits > i && (at(text, digits) == '.' || at(text, digits) == ')')) {
    i = digits + 1;
    while (i < end && (at(text, i) == ' ' || at(text, i) == '*')) ++i;
  }
  return i;
}

i64 skip_blanks(std::string_view text, i64 begin, i64 end) {
  while (begin < end && (at(text, begin) == ' ' || at(text, begin) == '\t' ||
                         at(text, begin) == '\r' || at(text, begin) == '*'))
    ++begin;
  return begin;
}

/// The end of a note in brackets behind a heading: "MEDICATIONS (as of admission):".
i64 skip_brackets(std::string_view text, i64 begin, i64 end) {
  if (at(text, begin) != '(') return begin;
  for (i64 i = begin; i < end && i < begin + longest_heading_bytes; ++i) {
    if (at(text, i) == ')') return skip_blanks(text, i + 1, end);
  }
  return begin;
}

}  // namespace

SectionFinder::SectionFinder() {
  for (const std::string_view line : data_lines(data::sections())) {
    const std::size_t colon = line.find(':');
    for (const std::string_view heading : split_trimmed(line.substr(colon + 1), '|'))
      headings_.add(heading, ssize_of(names_));
    names_.emplace_back(line.substr(0, colon));
  }
}

SectionFinder::Heading SectionFinder::known_heading(std::string_view text, i64 begin,
                                                    i64 line_end) const {
  const i64 end = std::min(line_end, begin + longest_heading_bytes);
  i64 whole = end;  // a character is not cut
  while (whole < line_end && (static_cast<u8>(at(text, whole)) & 0xC0U) == 0x80U) ++whole;
  const std::vector<Word> words = words_of(text, {.begin = begin, .end = whole});
  const auto match = headings_.longest(text, words, 0);
  if (!match) return {};
  const ByteRange range = range_of(words, *match);
  const i64 behind = skip_brackets(text, skip_blanks(text, range.end, line_end), line_end);
  const bool has_colon = at(text, behind) == ':';
  const bool is_alone = behind >= line_end && range.size() > 2 && !is_lower(at(text, range.begin));
  const bool has_dash = at(text, behind) == '-' && at(text, behind + 1) == ' ' &&
                        range.size() > 3 && in_capitals(text_of(text, range));
  const bool is_letter = range.size() == 1 && !is_upper(at(text, range.begin));
  if (is_letter || (!has_colon && !is_alone && !has_dash)) return {};
  return {.name = match->value, .range = range, .body = is_alone ? line_end : behind + 1};
}

SectionFinder::Heading SectionFinder::heading_of_line(std::string_view text, ByteRange line) const {
  const i64 begin = skip_marks(text, line.begin, line.end);
  if (begin >= line.end) return {};
  const Heading known = known_heading(text, begin, line.end);
  if (known.name >= 0) return known;
  // "PREVIOUS ADMISSIONS:" or "Functional Status:" heads a part of the note too, whatever it is.
  const std::string_view rest = trimmed(text_of(text, {.begin = begin, .end = line.end}));
  const bool is_heading = rest.size() > 4 && ssize_of(rest) <= longest_heading_bytes &&
                          rest.ends_with(':') &&
                          (in_capitals(rest) || in_title_case(rest.substr(0, rest.size() - 1)));
  if (!is_heading) return {};
  const i64 end = begin + ssize_of(rest);
  return {.name = -1, .range = {.begin = begin, .end = end - 1}, .body = end};
}

void SectionFinder::headings_inside(std::string_view text, ByteRange line,
                                    std::vector<Heading>& found) const {
  constexpr i64 shortest = 4;
  for (i64 i = line.begin + 1; i + shortest < line.end; ++i) {
    if (at(text, i - 1) != ' ' || !is_upper(at(text, i)) || is_lower(at(text, i + 1))) continue;
    const Heading heading = known_heading(text, i, line.end);
    const bool counts = heading.name >= 0 && heading.range.size() >= shortest &&
                        in_capitals(text_of(text, heading.range)) &&
                        at(text, heading.body - 1) == ':';
    if (!counts) continue;
    found.push_back(heading);
    i = heading.body;
  }
}

std::vector<Section> SectionFinder::find(std::string_view text) const {
  std::vector<Heading> headings;
  for (i64 begin = 0; begin < ssize_of(text);) {
    const std::size_t newline = text.find('\n', static_cast<std::size_t>(begin));
    const i64 end = newline == std::string_view::npos ? ssize_of(text) : static_cast<i64>(newline);
    const Heading heading = heading_of_line(text, {.begin = begin, .end = end});
    i64 rest = begin;
    if (heading.range.size() > 0) {
      headings.push_back(heading);
      rest = heading.body;
    }
    headings_inside(text, {.begin = rest, .end = end}, headings);
    begin = end + 1;
  }
  const i64 first = headings.empty() ? ssize_of(text) : headings.front().range.begin;
  std::vector<Section> sections;
  if (first > 0)
    sections.push_back({.name = "", .heading = {}, .body = {.begin = 0, .end = first}});
  for (std::size_t i = 0; i < headings.size(); ++i) {
    const Heading& heading = headings[i];
    const i64 end = i + 1 < headings.size() ? headings[i + 1].range.begin : ssize_of(text);
    sections.push_back(
        {.name = heading.name < 0 ? "other" : names_[static_cast<std::size_t>(heading.name)],
         .heading = heading.range,
         .body = {.begin = heading.body, .end = end}});
  }
  return sections;
}

}  // namespace medlar::clinical
