#include "clinical/medications.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

constexpr i64 words_behind = 30;  ///< a name's directions end there at the latest
constexpr i64 words_before = 6;

/// Sets an attribute that is not there yet: what stands nearer to the name counts.
void set(Span& span, const char* name, std::string value) {
  span.attributes.emplace(name, std::move(value));
}

std::string text_between(std::string_view text, std::span<const Word> words, i64 begin, i64 end) {
  return std::string(text_of(text, {.begin = words[static_cast<std::size_t>(begin)].range.begin,
                                    .end = words[static_cast<std::size_t>(end - 1)].range.end}));
}

std::string range_text(const NumberRange& range) {
  return range.high > range.low ? number_text(range.low) + "-" + number_text(range.high)
                                : number_text(range.low);
}

/// Hours of a unit of time, 0 for another word; its letter in ISO 8601.
struct TimeUnit {
  double hours = 0.0;
  char letter = 'H';
};

TimeUnit time_unit_of(const std::string& word) {
  if (word == "h" || word == "hr" || word == "hrs" || word == "hour" || word == "hours")
    return {.hours = 1.0, .letter = 'H'};
  if (word == "d" || word == "day" || word == "days") return {.hours = 24.0, .letter = 'D'};
  if (word == "wk" || word == "wks" || word == "week" || word == "weeks")
    return {.hours = 168.0, .letter = 'W'};
  if (word == "mo" || word == "month" || word == "months") return {.hours = 730.0, .letter = 'M'};
  return {};
}

/// "q8h" or "q8" as hours and what is left of the word.
struct Every {
  double count = 0.0;
  std::string unit;
};

Every every_of(const std::string& word) {
  Every every;
  if (word.size() < 2 || word[0] != 'q') return every;
  const auto [end, error] =
      std::from_chars(word.data() + 1, word.data() + word.size(), every.count);
  if (error != std::errc()) return {};
  every.unit.assign(end, word.data() + word.size());
  return every;
}

}  // namespace

MedicationRules::MedicationRules()
    : units_(data::sig(), "unit"),
      quantities_(data::sig(), "quantity"),
      routes_(data::sig(), "route"),
      forms_(data::sig(), "form"),
      frequencies_(data::sig(), "frequency"),
      as_needed_(data::sig(), "asneeded"),
      numbers_(data::sig(), "number") {
  for (const std::string_view line : data_lines(data::medications())) {
    const std::string_view generic = line.substr(0, line.find(':'));
    std::vector<std::string_view> names = {generic};
    if (generic.size() < line.size()) {
      for (const std::string_view name : split_trimmed(line.substr(generic.size() + 1), '|'))
        names.push_back(name);
    }
    for (std::string_view name : names) {
      std::string exact;
      if (name.starts_with('=')) {
        name.remove_prefix(1);
        exact = name;
      }
      names_.add(name, ssize_of(generics_));
      generics_.push_back({.generic = std::string(generic), .exact = std::move(exact)});
    }
  }
}

std::optional<NumberRange> MedicationRules::amount_at(std::string_view text,
                                                      std::span<const Word> words, i64 at) const {
  if (const auto range = number_range_at(text, words, at)) return range;
  const auto written = numbers_.at(text, words, at);
  if (!written) return {};
  double value = 0.0;
  std::from_chars(written->value.data(), written->value.data() + written->value.size(), value);
  return NumberRange{.low = value, .high = value, .end = written->end};
}

/// "10 mg", "1-2 tablets", "5/325 mg": the word behind, or `at` where there is none.
i64 MedicationRules::read_amount(std::string_view text, std::span<const Word> words, i64 at,
                                 Span& span) const {
  const auto amount = amount_at(text, words, at);
  if (!amount) return at;
  i64 end = amount->end;
  std::string value = range_text(*amount);
  if (is_mark(text, words, end, "/")) {
    if (const auto second = number_range_at(text, words, end + 1)) {
      value += "/" + range_text(*second);
      end = second->end;
    }
  }
  if (end < ssize_of(words) && is_hyphen(text, words[static_cast<std::size_t>(end)])) ++end;
  if (const auto unit = units_.at(text, words, end)) {
    if (is_mark(text, words, unit->end, "/")) return at;  // "mg/dL" is a laboratory's
    set(span, "dose", text_between(text, words, at, unit->end));
    set(span, "dose_value", value);
    set(span, "dose_unit", std::string(unit->value));
    return unit->end;
  }
  if (const auto quantity = quantities_.at(text, words, end)) {
    set(span, "quantity", value + " " + std::string(quantity->value));
    return quantity->end;
  }
  return at;
}

/// "q8h", "q 4-6 hours", "every 12 hours".
i64 MedicationRules::read_interval(std::string_view text, std::span<const Word> words, i64 at,
                                   Span& span) const {
  const std::string word = lower_word(text, words, at);
  Every every = every_of(word);
  i64 end = at + 1;
  NumberRange count = {.low = every.count, .high = every.count, .end = end};
  if (every.count > 0.0 && every.unit.empty() && end + 1 < ssize_of(words) &&
      is_hyphen(text, words[static_cast<std::size_t>(end)])) {
    if (const auto high = number_range_at(text, words, end + 1)) {
      count.high = high->low;
      end = high->end;
    }
  } else if (word == "q" || word == "every") {
    const auto range = amount_at(text, words, end);
    if (!range) return at;
    count = *range;
    end = range->end;
  }
  if (count.low <= 0.0) return at;
  if (every.unit.empty()) every.unit = lower_word(text, words, end++);
  const TimeUnit unit = time_unit_of(every.unit);
  if (unit.hours == 0.0) return at;
  set(span, "frequency", fmt::format("Q{}{}", range_text(count), unit.letter));
  set(span, "per_day", number_text(24.0 / (count.low * unit.hours)));
  return end;
}

/// "for 7 days", "x 10 days".
i64 MedicationRules::read_duration(std::string_view text, std::span<const Word> words, i64 at,
                                   Span& span) const {
  const std::string word = lower_word(text, words, at);
  if (word != "for" && word != "x" && word != "\u00D7") return at;
  i64 begin = at + 1;
  for (const char* filler : {"the", "next", "another", "a", "total", "of"}) {
    if (lower_word(text, words, begin) == filler) ++begin;
  }
  const auto count = amount_at(text, words, begin);
  if (!count) return at;
  i64 end = count->end;
  if (end < ssize_of(words) && is_hyphen(text, words[static_cast<std::size_t>(end)])) ++end;
  if (lower_word(text, words, end) == "more") ++end;
  const TimeUnit unit = time_unit_of(lower_word(text, words, end));
  if (unit.hours == 0.0) return at;
  set(span, "duration",
      fmt::format("{}{}{}", unit.letter == 'H' ? "PT" : "P", number_text(count->high),
                  unit.letter));
  return end + 1;
}

i64 MedicationRules::read_phrase(std::string_view text, std::span<const Word> words, i64 at,
                                 Span& span) const {
  if (const auto frequency = frequencies_.at(text, words, at)) {
    const std::size_t blank = frequency->value.find(' ');
    set(span, "frequency", std::string(frequency->value.substr(blank + 1)));
    const std::string per_day(frequency->value.substr(0, blank));
    if (per_day != "0") set(span, "per_day", per_day);
    return frequency->end;
  }
  if (const auto needed = as_needed_.at(text, words, at)) {
    set(span, "as_needed", "yes");
    return needed->end;
  }
  if (const auto route = routes_.at(text, words, at)) {
    set(span, "route", std::string(route->value));
    return route->end;
  }
  const auto form = forms_.at(text, words, at);
  if (!form) return at;
  set(span, "form", std::string(form->value));
  return form->end;
}

/// Directions in words [part.begin, part.end); the word behind the last of them.
i64 MedicationRules::read_sig(std::string_view text, std::span<const Word> words, ByteRange part,
                              Span& span) const {
  const std::span<const Word> own = words.first(static_cast<std::size_t>(part.end));
  i64 last = part.begin;
  for (i64 at = part.begin; at < part.end;) {
    if (is_mark(text, own, at, ";")) break;
    i64 next = read_interval(text, own, at, span);
    if (next == at) next = read_duration(text, own, at, span);
    if (next == at) next = read_phrase(text, own, at, span);
    if (next == at) next = read_amount(text, own, at, span);
    if (next > at) last = next;
    at = std::max(next, at + 1);
  }
  return last;
}

std::vector<Span> MedicationRules::find(std::string_view text, std::span<const Word> words) const {
  std::vector<PhraseTable::Match> matches = names_.all(text, words);
  std::erase_if(matches, [&](const PhraseTable::Match& match) {
    const std::string& exact = generics_[static_cast<std::size_t>(match.value)].exact;
    return !exact.empty() && text_of(text, range_of(words, match)) != exact;
  });
  std::vector<Span> spans;
  i64 previous_end = 0;  // word behind the last name and its directions
  for (std::size_t i = 0; i < matches.size(); ++i) {
    const PhraseTable::Match& match = matches[i];
    Span span = {
        .range = range_of(words, match),
        .label = "medication",
        .score = 1.0F,
        .producer = "rule:medication",
        .evidence = "name in the list of medicines",
        .attributes = {{"name", generics_[static_cast<std::size_t>(match.value)].generic}}};
    i64 next = i + 1 < matches.size() ? matches[i + 1].begin : ssize_of(words);
    // "and 20 mEq of potassium chloride" is the next one's.
    if (lower_word(text, words, next - 1) == "of") next = std::max(match.end, next - 4);
    const i64 behind = read_sig(
        text, words, {.begin = match.end, .end = std::min(next, match.end + words_behind)}, span);
    if (!span.attributes.contains("dose") && !span.attributes.contains("quantity")) {
      read_sig(text, words,
               {.begin = std::max(previous_end, match.begin - words_before), .end = match.begin},
               span);
    }
    previous_end = behind;
    spans.push_back(std::move(span));
  }
  return spans;
}

}  // namespace medlar::clinical
