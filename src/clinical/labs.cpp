#include "clinical/labs.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

/// Words that may stand between a name and its value.
constexpr std::array<std::string_view, 21> fillers = {
    ":",  "=",    "of",    "was",       "is",       "level",  "at",
    "to", "(",    "count", "today",     "elevated", "low",    "high",
    "up", "down", "about", "initially", "on",       "stable", "were"};
constexpr i64 most_fillers = 4;

double number(std::string_view digits) {
  double value = 0.0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

/// "H", "(L)", "high", "*": the flag and the word behind it.
struct Flag {
  std::string flag;
  i64 end = 0;
};

Flag flag_at(std::string_view text, std::span<const Word> words, i64 at) {
  const bool in_brackets = is_mark(text, words, at, "(") || is_mark(text, words, at, "[");
  const i64 place = in_brackets ? at + 1 : at;
  if (place >= ssize_of(words)) return {.flag = "", .end = at};
  const std::string_view word = text_of(text, words[static_cast<std::size_t>(place)].range);
  const std::string lower = lower_word(text, words, place);
  std::string flag;
  if (word == "H" || word == "HH" || lower == "high" || lower == "elevated") flag = "H";
  if (word == "L" || word == "LL" || lower == "low") flag = "L";
  if (lower == "normal" || lower == "wnl") flag = "N";
  if (flag.empty()) return {.flag = "", .end = at};
  return {.flag = flag, .end = place + 1 + (in_brackets ? 1 : 0)};
}

/// "(3.5-5.1)", "[ref 3.5 - 5.1]", "normal range 4 to 11".
std::optional<NumberRange> reference_range_at(std::string_view text, std::span<const Word> words,
                                              i64 at) {
  constexpr std::array<std::string_view, 9> openers = {"(",      "[",  "ref", "reference", "range",
                                                       "normal", "nl", ":",   ","};
  i64 begin = at;
  while (begin < at + 4 && begin < ssize_of(words) &&
         std::find(openers.begin(), openers.end(), lower_word(text, words, begin)) != openers.end())
    ++begin;
  if (begin == at) return {};
  const auto range = number_range_at(text, words, begin);
  if (!range || range->high <= range->low) return {};
  return range;
}

}  // namespace

LabRules::LabRules() : units_(data::units(), "") {
  for (const std::string_view line : data_lines(data::labs())) read_kind(line);
}

void LabRules::read_kind(std::string_view line) {
  const std::vector<std::string_view> columns = split_trimmed(line, '|');
  MEDLAR_CHECK(columns.size() == 5);
  Kind kind = {.label = std::string(columns[0]),
               .name = std::string(columns[1]),
               .loinc = std::string(columns[2]),
               .units = {}};
  for (const std::string_view part : split_trimmed(columns[3], ',')) {
    const std::size_t blank = part.find(' ');
    Unit unit = {.code = std::string(part.substr(0, blank))};
    if (blank != std::string_view::npos) {
      const std::size_t dash = part.find('-', blank);
      unit.low = number(part.substr(blank + 1, dash - blank - 1));
      unit.high = number(part.substr(dash + 1));
    }
    if (!part.empty()) kind.units.push_back(std::move(unit));
  }
  for (std::string_view name : split_trimmed(columns[4], ',')) {
    std::string exact;
    if (name.starts_with('=')) {
      name.remove_prefix(1);
      exact = name;
    }
    table_.add(name, ssize_of(names_));
    names_.push_back({.kind = ssize_of(kinds_), .exact = std::move(exact)});
  }
  kinds_.push_back(std::move(kind));
}

std::optional<Span> LabRules::value_behind(std::string_view text, std::span<const Word> words,
                                           const PhraseTable::Match& name, i64& end) const {
  const Kind& kind =
      kinds_[static_cast<std::size_t>(names_[static_cast<std::size_t>(name.value)].kind)];
  Span span = {.range = range_of(words, name),
               .label = kind.label,
               .score = 1.0F,
               .producer = "rule:" + kind.label,
               .evidence = "name with a value",
               .attributes = {{"name", kind.name}}};
  std::map<std::string, std::string>& attributes = span.attributes;
  i64 at = name.end;
  for (i64 i = 0; i < most_fillers; ++i) {
    const std::string word = lower_word(text, words, at);
    if (std::find(fillers.begin(), fillers.end(), word) == fillers.end()) break;
    if (word == "elevated" || word == "high") attributes["flag"] = "H";
    if (word == "low") attributes["flag"] = "L";
    ++at;
  }
  for (const char* comparator : {"<", ">", "\u2264", "\u2265"}) {
    if (is_mark(text, words, at, comparator)) {
      attributes["comparator"] = comparator;
      ++at;
    }
  }
  if (at >= ssize_of(words)) return {};
  const std::optional<double> value = number_of(text, words[static_cast<std::size_t>(at)]);
  if (!value) return {};
  attributes["value"] = number_text(*value);
  ++at;
  if (is_mark(text, words, at, "/") && at + 1 < ssize_of(words)) {
    const std::optional<double> second = number_of(text, words[static_cast<std::size_t>(at + 1)]);
    if (second && kind.name != "blood pressure") return {};  // a date or a fraction
    if (second) {
      attributes["value"] += "/" + number_text(*second);
      at += 2;
    }
  }
  const bool is_pressure = kind.name == "blood pressure";
  if (is_pressure && attributes["value"].find('/') == std::string::npos) return {};
  const auto unit = units_.at(text, words, at);
  if (unit) {
    attributes["unit"] = unit->value;
    at = unit->end;
  } else {
    const auto fits = [&](const Unit& one) {
      return one.low == one.high || (*value >= one.low && *value <= one.high);
    };
    const auto assumed = std::find_if(kind.units.begin(), kind.units.end(), fits);
    if (assumed == kind.units.end()) {
      if (!kind.units.empty()) return {};  // no value of this kind
    } else {
      attributes["unit"] = assumed->code;
      attributes["unit_assumed"] = "yes";
    }
  }
  // A weight or a height is one only with its unit.
  if (!unit && kind.units.empty()) return {};
  span.range.end = words[static_cast<std::size_t>(at - 1)].range.end;
  if (!kind.loinc.empty()) attributes["loinc"] = kind.loinc;
  const Flag flag = flag_at(text, words, at);
  if (!flag.flag.empty()) attributes["flag"] = flag.flag;
  at = flag.end;
  if (const auto range = reference_range_at(text, words, at)) {
    attributes["range_low"] = number_text(range->low);
    attributes["range_high"] = number_text(range->high);
    const char* computed = *value < range->low ? "L" : *value > range->high ? "H" : "N";
    attributes.emplace("flag", computed);
    at = range->end;
  }
  end = at;
  return span;
}

std::vector<Span> LabRules::find(std::string_view text, std::span<const Word> words) const {
  std::vector<Span> spans;
  for (i64 at = 0; at < ssize_of(words);) {
    const auto match = table_.longest(text, words, at);
    ++at;
    if (!match) continue;
    const std::string& exact = names_[static_cast<std::size_t>(match->value)].exact;
    if (!exact.empty() && text_of(text, range_of(words, *match)) != exact) continue;
    std::optional<Span> span = value_behind(text, words, *match, at);
    if (span) spans.push_back(std::move(*span));
  }
  return spans;
}

}  // namespace medlar::clinical
