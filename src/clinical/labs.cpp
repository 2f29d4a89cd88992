#include "clinical/labs.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

using Attributes = std::map<std::string, std::string>;

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

/// Passes over what may stand before a value; keeps the flag and the comparator in it.
i64 skip_to_value(std::string_view text, std::span<const Word> words, i64 at,
                  Attributes& attributes) {
  for (i64 i = 0; i < most_fillers; ++i) {
    const std::string word = lower_word(text, words, at);
    if (std::find(fillers.begin(), fillers.end(), word) == fillers.end()) break;
    if (word == "elevated" || word == "high") attributes["flag"] = "H";
    if (word == "low") attributes["flag"] = "L";
    ++at;
  }
  for (const char* comparator : {"<", ">", "\u2264", "\u2265"}) {
    if (!is_mark(text, words, at, comparator)) continue;
    attributes["comparator"] = comparator;
    return at + 1;
  }
  return at;
}

/// What stands behind a value; the flag that is written there goes before one that is computed.
i64 read_flag_and_range(std::string_view text, std::span<const Word> words, i64 at,
                        Attributes& attributes) {
  const Flag flag = flag_at(text, words, at);
  if (!flag.flag.empty()) attributes["flag"] = flag.flag;
  const auto range = reference_range_at(text, words, flag.end);
  if (!range) return flag.end;
  attributes["range_low"] = number_text(range->low);
  attributes["range_high"] = number_text(range->high);
  const double value = number(attributes["value"]);
  attributes.emplace("flag", value < range->low ? "L" : value > range->high ? "H" : "N");
  return range->end;
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

/// The number behind a name, of a pressure both; the word behind them, or nothing where no value of
/// the kind stands there.
std::optional<i64> LabRules::read_value(std::string_view text, std::span<const Word> words, i64 at,
                                        const Kind& kind, Attributes& attributes) const {
  if (at >= ssize_of(words)) return {};
  const std::optional<double> value = number_of(text, words[static_cast<std::size_t>(at)]);
  if (!value) return {};
  attributes["value"] = number_text(*value);
  ++at;
  std::optional<double> second;
  if (is_mark(text, words, at, "/") && at + 1 < ssize_of(words))
    second = number_of(text, words[static_cast<std::size_t>(at + 1)]);
  const bool is_pressure = kind.name == "blood pressure";
  if (second.has_value() != is_pressure) return {};  // a date, a fraction, half a pressure
  if (second) {
    attributes["value"] += "/" + number_text(*second);
    at += 2;
  }
  if (const auto unit = units_.at(text, words, at)) {
    attributes["unit"] = unit->value;
    return unit->end;
  }
  const auto assumed = std::find_if(kind.units.begin(), kind.units.end(), [&](const Unit& one) {
    return one.low == one.high || (*value >= one.low && *value <= one.high);
  });
  // Out of every range; and a weight or a height is one only with its unit.
  if (assumed == kind.units.end()) return {};
  attributes["unit"] = assumed->code;
  attributes["unit_assumed"] = "yes";
  return at;
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
  const i64 place = skip_to_value(text, words, name.end, span.attributes);
  const std::optional<i64> behind = read_value(text, words, place, kind, span.attributes);
  if (!behind) return {};
  span.range.end = words[static_cast<std::size_t>(*behind - 1)].range.end;
  if (!kind.loinc.empty()) span.attributes["loinc"] = kind.loinc;
  end = read_flag_and_range(text, words, *behind, span.attributes);
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
