#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clinical/phrases.h"

namespace medlar::clinical {

/// Values that data files give to phrases, one kind each ("unit", "route"). Filled once, then safe
/// to share between threads.
class ValueTable {
 public:
  /// The lines of `text` between "[kind]" and the next kind; all of them where kind is empty.
  ValueTable(std::string_view text, std::string_view kind);

  struct Match {
    std::string_view value;
    i64 end = 0;  ///< word behind the phrase
  };
  std::optional<Match> at(std::string_view text, std::span<const Word> words, i64 word) const;

 private:
  PhraseTable phrases_;
  std::vector<std::string> values_;
};

/// A number of a text: "1,000" is 1000. Empty for anything but a number.
std::optional<double> number_of(std::string_view text, const Word& word);

/// Short decimal form: 2.5, 40, 0.142857.
std::string number_text(double value);

/// The word's mark is this one.
bool is_mark(std::string_view text, std::span<const Word> words, i64 at, std::string_view mark);

/// The word at `at`, in small letters, "" behind the last.
std::string lower_word(std::string_view text, std::span<const Word> words, i64 at);

/// "10", "1-2", "4 to 6": the numbers and the word behind them.
struct NumberRange {
  double low = 0.0;
  double high = 0.0;
  i64 end = 0;
};
std::optional<NumberRange> number_range_at(std::string_view text, std::span<const Word> words,
                                           i64 at);

}  // namespace medlar::clinical
