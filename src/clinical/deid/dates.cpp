#include "clinical/deid/dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "clinical/deid/lexicon.h"

namespace medlar::clinical {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 12> months = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

enum class Part { year, month, day };

/// A piece of the written date that is a number or the name of a month.
struct Piece {
  std::size_t begin = 0;
  std::size_t end = 0;
  Part part = Part::day;
  int value = 0;
  bool named = false;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<int> month_named(std::string_view word) {
  const std::string name = folded(word);
  if (name.size() < 3) return std::nullopt;
  for (std::size_t i = 0; i < months.size(); ++i) {
    if (months[i].starts_with(name) || (name == "sept" && i == 8)) return static_cast<int>(i + 1);
  }
  return std::nullopt;
}

/// Numbers and month names up to a time of day ("14:30").
std::vector<Piece> pieces_of(std::string_view date) {
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < date.size();) {
    std::size_t end = at + 1;
    if (is_digit(date[at])) {
      while (end < date.size() && is_digit(date[end])) ++end;
      if (end < date.size() && date[end] == ':') break;
      if (end - at > 4) return {};
      pieces.push_back(
          {at, end, Part::day, std::stoi(std::string(date.substr(at, end - at))), false});
    } else if (is_letter(date[at])) {
      while (end < date.size() && is_letter(date[end])) ++end;
      const std::optional<int> named = month_named(date.substr(at, end - at));
      if (named) pieces.push_back({at, end, Part::month, *named, true});
    }
    at = end;
  }
  return pieces;
}

/// Says which number is which; false if it cannot be a date.
bool assign(std::vector<Piece>& pieces, std::string_view date, DateOrder order) {
  const bool named =
      std::any_of(pieces.begin(), pieces.end(), [](const Piece& p) { return p.named; });
  std::vector<Piece*> numbers;
  for (Piece& piece : pieces) {
    const bool is_year =
        piece.end - piece.begin == 4 || (piece.begin > 0 && date[piece.begin - 1] == '\'');
    if (is_year) piece.part = Part::year;
    if (!piece.named && !is_year) numbers.push_back(&piece);
  }
  if (pieces.empty() || numbers.size() > 3) return false;
  if (named) {
    if (numbers.size() == 2) numbers[1]->part = Part::year;  // 3-Mar-24
    return numbers.size() < 3;
  }
  const bool year_first = pieces[0].part == Part::year;
  if (numbers.size() == 3) numbers[2]->part = Part::year;
  if (numbers.size() == 1) {
    numbers[0]->part = Part::month;  // 04/2022
    return pieces.size() == 2;
  }
  if (numbers.size() < 2) return false;
  bool month_first = year_first || order == DateOrder::month_first;
  if (numbers[0]->value > 12) month_first = false;
  if (numbers[1]->value > 12) month_first = true;
  numbers[month_first ? 0 : 1]->part = Part::month;
  numbers[month_first ? 1 : 0]->part = Part::day;
  return true;
}

std::string month_text(std::string_view written, unsigned value) {
  const std::string_view name = months[value - 1];
  // "Sept" is as short as "Sep"; a month of three letters counts as short unless it was May.
  const bool is_short =
      written.size() <= 4 && folded(written) != "june" && folded(written) != "july";
  std::string text(is_short ? name.substr(0, 3) : name);
  const bool capitals = written.size() > 1 && written[1] >= 'A' && written[1] <= 'Z';
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (capitals || (i == 0 && written[0] <= 'Z')) text[i] = static_cast<char>(text[i] - 'a' + 'A');
  }
  return text;
}

std::string ordinal(unsigned value) {
  if (value >= 11 && value <= 13) return "th";
  constexpr std::array<const char*, 10> endings = {"th", "st", "nd", "rd", "th",
                                                   "th", "th", "th", "th", "th"};
  return endings[value % 10];
}

/// 03/04: a leading zero somewhere, or two digits everywhere in a date of numbers.
bool writes_two_digits(const std::vector<Piece>& pieces, std::string_view date) {
  bool all_two = true;
  for (const Piece& piece : pieces) {
    if (piece.named) all_two = false;
    if (piece.part == Part::year || piece.named) continue;
    if (date[piece.begin] == '0') return true;
    all_two = all_two && piece.end - piece.begin == 2;
  }
  return all_two;
}

/// 20120806, with or without a time behind it.
std::optional<std::string> shifted_compact(std::string_view date, i64 days) {
  if (date.size() < 8 || !std::all_of(date.begin(), date.begin() + 8, is_digit))
    return std::nullopt;
  const int number = std::stoi(std::string(date.substr(0, 8)));
  const year_month_day before(year{number / 10000},
                              month{static_cast<unsigned>(number / 100 % 100)},
                              day{static_cast<unsigned>(number % 100)});
  if (!before.ok() || number < 18000000) return std::nullopt;
  const year_month_day after(sys_days(before) + std::chrono::days(days));
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(after.year()),
                     static_cast<unsigned>(after.month()), static_cast<unsigned>(after.day())) +
         std::string(date.substr(8));
}

}  // namespace

std::optional<std::string> shifted_date(std::string_view date, i64 days, DateOrder order) {
  if (const auto compact = shifted_compact(date, days)) return compact;
  std::vector<Piece> pieces = pieces_of(date);
  if (!assign(pieces, date, order)) return std::nullopt;
  int y = 2001;  // no leap day
  int m = 0;
  int d = 15;
  bool has_year = false;
  for (const Piece& piece : pieces) {
    if (piece.part == Part::year) {
      y = piece.value < 100 ? piece.value + (piece.value < 50 ? 2000 : 1900) : piece.value;
      has_year = true;
    }
    if (piece.part == Part::month) m = piece.value;
    if (piece.part == Part::day) d = piece.value;
  }
  const year_month_day before(year{y}, month{static_cast<unsigned>(m)},
                              day{static_cast<unsigned>(d)});
  if (m == 0 || !before.ok() || (!has_year && pieces.size() < 2)) return std::nullopt;
  const year_month_day after(sys_days(before) + std::chrono::days(days));
  const bool padded = writes_two_digits(pieces, date);
  std::string result;
  std::size_t copied = 0;
  for (const Piece& piece : pieces) {
    result += date.substr(copied, piece.begin - copied);
    const std::size_t width = piece.end - piece.begin;
    copied = piece.end;
    const std::string_view written = date.substr(piece.begin, width);
    if (piece.part == Part::year) {
      const int value = static_cast<int>(after.year());
      result += width == 2 ? fmt::format("{:02}", value % 100) : fmt::format("{:04}", value);
    } else if (piece.named) {
      result += month_text(written, static_cast<unsigned>(after.month()));
    } else {
      const unsigned value = piece.part == Part::month ? static_cast<unsigned>(after.month())
                                                       : static_cast<unsigned>(after.day());
      result += padded ? fmt::format("{:02}", value) : std::to_string(value);
      const std::string ending = folded(date.substr(copied, 2));
      if (ending == "st" || ending == "nd" || ending == "rd" || ending == "th") {
        result += ordinal(value);
        copied += 2;
      }
    }
  }
  return result += date.substr(copied);
}

}  // namespace medlar::clinical
