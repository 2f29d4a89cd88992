#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "clinical/words.h"
#include "text/flat_map.h"

namespace medlar::clinical {

/// Phrases with a value each, found in texts word by word: a trie over the keys of words, so that a
/// look-up costs the length of the phrase. Hyphens inside a phrase or a text are passed over.
/// Filled once, then safe to read from many threads.
class PhraseTable {
 public:
  /// Words [begin, end) of those that were searched.
  struct Match {
    i64 begin = 0;
    i64 end = 0;
    i64 value = -1;
  };

  /// Of a phrase that is added twice the first value stays. A phrase without words is left out.
  void add(std::string_view phrase, i64 value);

  /// The longest phrase that begins with the word at `at`.
  std::optional<Match> longest(std::string_view text, std::span<const Word> words, i64 at) const;

  /// From left to right the longest phrases, none over another.
  std::vector<Match> all(std::string_view text, std::span<const Word> words) const;

 private:
  text::FlatMap edges_;  ///< node and key of a word, mixed: the next node
  std::vector<i64> values_ = {-1};
};

/// Bytes of the words of a match.
ByteRange range_of(std::span<const Word> words, const PhraseTable::Match& match);

}  // namespace medlar::clinical
