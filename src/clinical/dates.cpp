#include "clinical/dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

namespace chrono = std::chrono;

constexpr std::array<std::string_view, 12> months = {"jan", "feb", "mar", "apr", "may", "jun",
                                                     "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 12> month_names = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr i64 most_units_back = 2000;  ///< of any unit; beyond it is no date

/// A date as exact as it was written; day 0 and month 0 where they were not.
struct Written {
  i64 year = 0;
  i64 month = 0;
  i64 day = 0;
  i64 end = 0;  ///< word behind

  bool is_full() const { return year > 0 && month > 0 && day > 0; }
};

bool is_valid(const Written& date) {
  constexpr i64 first_year = 1880;
  constexpr i64 last_year = 2120;
  if (date.year < first_year || date.year > last_year) return false;
  if (date.month < 1 || date.month > 12) return date.month == 0;
  if (date.day == 0) return true;
  return chrono::year_month_day(chrono::year(static_cast<int>(date.year)),
                                chrono::month(static_cast<unsigned>(date.month)),
                                chrono::day(static_cast<unsigned>(date.day)))
      .ok();
}

chrono::sys_days days_of(const Written& date) {
  return chrono::year_month_day(chrono::year(static_cast<int>(date.year)),
                                chrono::month(static_cast<unsigned>(date.month)),
                                chrono::day(static_cast<unsigned>(date.day)));
}

std::string iso(const Written& date) {
  if (date.day > 0) return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
  return date.month > 0 ? fmt::format("{:04}-{:02}", date.year, date.month)
                        : fmt::format("{:04}", date.year);
}

/// "1994" as digits alone; empty for "2.5" or "1,994".
std::optional<i64> whole_number(std::string_view text, std::span<const Word> words, i64 at) {
  constexpr i64 most_digits = 4;
  if (at < 0 || at >= ssize_of(words)) return {};
  const Word& word = words[static_cast<std::size_t>(at)];
  if (word.kind != WordKind::number || word.range.size() > most_digits) return {};
  i64 value = 0;
  for (const char c : text_of(text, word.range)) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  return value;
}

i64 full_year(i64 year, i64 digits) {
  constexpr i64 pivot = 40;  ///< "39" is 2039, "40" is 1940
  if (digits > 2) return year;
  return year < pivot ? 2000 + year : 1900 + year;
}

i64 digits_at(std::span<const Word> words, i64 at) {
  return words[static_cast<std::size_t>(at)].range.size();
}

/// Number of a month's name or its abbreviation, 0 for another word. "may" only with a capital.
i64 month_at(std::string_view text, std::span<const Word> words, i64 at) {
  const std::string word = lower_word(text, words, at);
  if (word.size() < 3) return 0;
  if (word == "may" &&
      text[static_cast<std::size_t>(words[static_cast<std::size_t>(at)].range.begin)] == 'm')
    return 0;
  for (std::size_t i = 0; i < months.size(); ++i) {
    if (word == months[i] || word == month_names[i] || (word == "sept" && i == 8))
      return static_cast<i64>(i) + 1;
  }
  return 0;
}

bool touches(std::span<const Word> words, i64 at) {
  return words[static_cast<std::size_t>(at)].range.end ==
         words[static_cast<std::size_t>(at + 1)].range.begin;
}

/// "2024-03-05", "3/5/2024", "03-05-24", "3/2024".
std::optional<Written> numeric_date(std::string_view text, std::span<const Word> words, i64 at) {
  const auto first = whole_number(text, words, at);
  if (!first || at + 2 >= ssize_of(words) || !touches(words, at)) return {};
  const bool slash = is_mark(text, words, at + 1, "/");
  const bool dash = is_mark(text, words, at + 1, "-");
  const auto second = whole_number(text, words, at + 2);
  if ((!slash && !dash) || !second || !touches(words, at + 1)) return {};
  const std::string_view mark = slash ? "/" : "-";
  const bool has_third = at + 4 < ssize_of(words) && is_mark(text, words, at + 3, mark) &&
                         touches(words, at + 2) && touches(words, at + 3);
  const auto third = has_third ? whole_number(text, words, at + 4) : std::nullopt;
  Written date;
  if (digits_at(words, at) == 4 && third) {
    date = {.year = *first, .month = *second, .day = *third, .end = at + 5};
  } else if (third && (digits_at(words, at + 4) == 4 || digits_at(words, at + 4) == 2)) {
    date = {.year = full_year(*third, digits_at(words, at + 4)),
            .month = *first,
            .day = *second,
            .end = at + 5};
    if (date.month > 12) std::swap(date.month, date.day);
  } else if (!third && slash && digits_at(words, at + 2) == 4) {
    date = {.year = *second, .month = *first, .day = 0, .end = at + 3};
  } else {
    return {};
  }
  return is_valid(date) ? std::optional(date) : std::nullopt;
}

/// "March 5, 2024", "5 Mar 2024", "March 2024".
std::optional<Written> named_date(std::string_view text, std::span<const Word> words, i64 at) {
  i64 month = month_at(text, words, at);
  Written date = {.year = 0, .month = month, .day = 0, .end = at + 1};
  if (month == 0) {
    const auto day = whole_number(text, words, at);
    month = month_at(text, words, at + 1);
    if (!day || month == 0) return {};
    date = {.year = 0, .month = month, .day = *day, .end = at + 2};
  }
  if (is_mark(text, words, date.end, ".")) ++date.end;
  if (date.day == 0) {
    const auto day = whole_number(text, words, date.end);
    if (day && digits_at(words, date.end) <= 2) {
      date.day = *day;
      ++date.end;
      const std::string ending = lower_word(text, words, date.end);
      if (ending == "st" || ending == "nd" || ending == "rd" || ending == "th") ++date.end;
    }
  }
  const i64 behind = is_mark(text, words, date.end, ",") ? date.end + 1 : date.end;
  const auto year = whole_number(text, words, behind);
  if (!year || digits_at(words, behind) != 4) return {};
  date.year = *year;
  date.end = behind + 1;
  return is_valid(date) ? std::optional(date) : std::nullopt;
}

/// A time before (negative) or behind the note.
struct Relative {
  i64 count = 0;
  char unit = 'D';
  i64 end = 0;
};

char unit_letter(const std::string& word) {
  if (word.starts_with("day")) return 'D';
  if (word.starts_with("week") || word == "wks" || word == "wk") return 'W';
  if (word.starts_with("month")) return 'M';
  return word.starts_with("year") || word == "yrs" || word == "yr" ? 'Y' : '\0';
}

std::optional<i64> count_at(std::string_view text, std::span<const Word> words, i64 at) {
  constexpr std::array<std::string_view, 13> written = {"zero", "one",    "two",   "three", "four",
                                                        "five", "six",    "seven", "eight", "nine",
                                                        "ten",  "eleven", "twelve"};
  if (const auto number = whole_number(text, words, at)) return number;
  const std::string word = lower_word(text, words, at);
  if (word == "a" || word == "an") return 1;
  const auto found = std::find(written.begin(), written.end(), word);
  if (found == written.end()) return {};
  return found - written.begin();
}

std::optional<Relative> relative_date(std::string_view text, std::span<const Word> words, i64 at) {
  const std::string word = lower_word(text, words, at);
  if (word == "yesterday") return Relative{.count = -1, .unit = 'D', .end = at + 1};
  if (word == "today") return Relative{.count = 0, .unit = 'D', .end = at + 1};
  if (word == "tomorrow") return Relative{.count = 1, .unit = 'D', .end = at + 1};
  if (word == "last" || word == "next") {
    const char unit = unit_letter(lower_word(text, words, at + 1));
    if (unit == '\0' || unit == 'D') return {};
    return Relative{.count = word == "last" ? -1 : 1, .unit = unit, .end = at + 2};
  }
  const bool is_ahead = word == "in";
  const auto count = count_at(text, words, is_ahead ? at + 1 : at);
  if (!count || *count > most_units_back) return {};
  const i64 unit_place = is_ahead ? at + 2 : at + 1;
  const char unit = unit_letter(lower_word(text, words, unit_place));
  if (unit == '\0') return {};
  if (is_ahead) return Relative{.count = *count, .unit = unit, .end = unit_place + 1};
  if (lower_word(text, words, unit_place + 1) != "ago") return {};
  return Relative{.count = -*count, .unit = unit, .end = unit_place + 2};
}

/// The day that is so far from the note's; months and years keep the day where the month has it.
chrono::sys_days moved(chrono::sys_days from, const Relative& by) {
  const auto count = static_cast<int>(by.count);
  if (by.unit == 'D') return from + chrono::days(count);
  if (by.unit == 'W') return from + chrono::weeks(count);
  chrono::year_month_day date(from);
  date += by.unit == 'M' ? chrono::months(count) : chrono::months(12 * count);
  if (!date.ok()) date = date.year() / date.month() / chrono::last;
  return date;
}

/// "71-year-old", "71 y/o", "71 yo", "aged 71", "age: 71".
struct Age {
  i64 value = 0;
  const char* unit = "a";
  i64 end = 0;
};

std::optional<Age> age_at(std::string_view text, std::span<const Word> words, i64 at) {
  constexpr i64 oldest = 125;
  const std::string word = lower_word(text, words, at);
  if (word == "aged" || word == "age") {
    i64 place = at + 1;
    while (place < at + 3 &&
           (is_mark(text, words, place, ":") || lower_word(text, words, place) == "of" ||
            lower_word(text, words, place) == "is"))
      ++place;
    const auto value = whole_number(text, words, place);
    if (!value || *value > oldest) return {};
    return Age{.value = *value, .unit = "a", .end = place + 1};
  }
  const auto value = whole_number(text, words, at);
  if (!value || *value > oldest) return {};
  i64 place = at + 1;
  const auto skip_hyphen = [&] {
    if (place < ssize_of(words) && is_hyphen(text, words[static_cast<std::size_t>(place)])) ++place;
  };
  skip_hyphen();
  const std::string unit = lower_word(text, words, place);
  if (unit == "yo") return Age{.value = *value, .unit = "a", .end = place + 1};
  if (unit == "y" && is_mark(text, words, place + 1, "/") &&
      lower_word(text, words, place + 2) == "o")
    return Age{.value = *value, .unit = "a", .end = place + 3};
  const char letter = unit == "yr" || unit == "y" ? 'Y' : unit_letter(unit);
  if (letter == '\0') return {};
  ++place;
  skip_hyphen();
  if (lower_word(text, words, place) != "old") return {};
  const char* code = letter == 'Y' ? "a" : letter == 'M' ? "mo" : letter == 'W' ? "wk" : "d";
  return Age{.value = *value, .unit = code, .end = place + 1};
}

std::optional<Written> absolute_date(std::string_view text, std::span<const Word> words, i64 at) {
  const auto numeric = numeric_date(text, words, at);
  return numeric ? numeric : named_date(text, words, at);
}

}  // namespace

std::string iso_date(chrono::sys_days day) {
  const chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

chrono::sys_days day_of(std::string_view date) {
  const std::vector<Word> words = words_of(date);
  const auto written = numeric_date(date, words, 0);
  if (!written || !written->is_full() || written->end != ssize_of(words) ||
      digits_at(words, 0) != 4)
    fail(ErrorCode::invalid_argument, "a date is written as in 2024-03-05");
  return days_of(*written);
}

std::optional<chrono::sys_days> first_date(std::string_view text) {
  const std::vector<Word> words = words_of(text);
  for (i64 at = 0; at < ssize_of(words); ++at) {
    const auto date = absolute_date(text, words, at);
    if (date && date->is_full()) return days_of(*date);
  }
  return {};
}

std::vector<Span> dates_and_ages(std::string_view text, std::span<const Word> words,
                                 const std::optional<chrono::sys_days>& note_date) {
  std::vector<Span> spans;
  const auto add = [&](const char* label, i64 begin, i64 end,
                       std::map<std::string, std::string> attributes) {
    spans.push_back({.range = range_of(words, {.begin = begin, .end = end, .value = 0}),
                     .label = label,
                     .score = 1.0F,
                     .producer = std::string("rule:") + label,
                     .evidence = "form of the words",
                     .attributes = std::move(attributes)});
    return end;
  };
  for (i64 at = 0; at < ssize_of(words);) {
    if (const auto date = absolute_date(text, words, at)) {
      at = add("date", at, date->end, {{"date", iso(*date)}});
    } else if (const auto age = age_at(text, words, at)) {
      at = add("age", at, age->end, {{"value", std::to_string(age->value)}, {"unit", age->unit}});
    } else if (const auto relative = relative_date(text, words, at)) {
      std::map<std::string, std::string> attributes = {
          {"relative", fmt::format("{}P{}{}", relative->count < 0 ? "-" : "",
                                   std::abs(relative->count), relative->unit)}};
      if (note_date) attributes["date"] = iso_date(moved(*note_date, *relative));
      at = add("date", at, relative->end, std::move(attributes));
    } else {
      ++at;
    }
  }
  return spans;
}

}  // namespace medlar::clinical
