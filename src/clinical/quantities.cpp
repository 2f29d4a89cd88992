#include "clinical/quantities.h"

#include <fmt/format.h>

#include <charconv>

#include "clinical/data_files.h"

namespace medlar::clinical {

ValueTable::ValueTable(std::string_view text, std::string_view kind) {
  std::string_view current;
  for (const std::string_view line : data_lines(text)) {
    if (line.starts_with('[') && line.ends_with(']')) {
      current = line.substr(1, line.size() - 2);
      continue;
    }
    if (current != kind) continue;
    const std::size_t colon = line.find(": ");
    for (const std::string_view phrase : split_trimmed(line.substr(colon + 1), '|'))
      phrases_.add(phrase, ssize_of(values_));
    values_.emplace_back(line.substr(0, colon));
  }
}

std::optional<ValueTable::Match> ValueTable::at(std::string_view text, std::span<const Word> words,
                                                i64 word) const {
  if (word >= ssize_of(words)) return {};
  const auto match = phrases_.longest(text, words, word);
  if (!match) return {};
  return Match{.value = values_[static_cast<std::size_t>(match->value)], .end = match->end};
}

std::optional<double> number_of(std::string_view text, const Word& word) {
  if (word.kind != WordKind::number) return {};
  std::string digits(text_of(text, word.range));
  std::erase(digits, ',');
  double value = 0.0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return {};
  return value;
}

std::string number_text(double value) { return fmt::format("{:.6g}", value); }

bool is_mark(std::string_view text, std::span<const Word> words, i64 at, std::string_view mark) {
  return at >= 0 && at < ssize_of(words) &&
         words[static_cast<std::size_t>(at)].kind == WordKind::mark &&
         text_of(text, words[static_cast<std::size_t>(at)].range) == mark;
}

std::string lower_word(std::string_view text, std::span<const Word> words, i64 at) {
  if (at < 0 || at >= ssize_of(words)) return {};
  std::string word(text_of(text, words[static_cast<std::size_t>(at)].range));
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return word;
}

std::optional<NumberRange> number_range_at(std::string_view text, std::span<const Word> words,
                                           i64 at) {
  if (at < 0 || at >= ssize_of(words)) return {};
  const std::optional<double> low = number_of(text, words[static_cast<std::size_t>(at)]);
  if (!low) return {};
  NumberRange range = {.low = *low, .high = *low, .end = at + 1};
  const bool joins =
      at + 2 < ssize_of(words) && (is_hyphen(text, words[static_cast<std::size_t>(at + 1)]) ||
                                   lower_word(text, words, at + 1) == "to");
  if (!joins) return range;
  const std::optional<double> high = number_of(text, words[static_cast<std::size_t>(at + 2)]);
  if (high && *high > *low) {
    range.high = *high;
    range.end = at + 3;
  }
  return range;
}

}  // namespace medlar::clinical
