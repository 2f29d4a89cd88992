#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "clinical/words.h"

namespace medlar::clinical {

/// Cuts clinical prose, lists and tables into sentences. A line ends a sentence unless it is prose
/// that was wrapped; bullets, numbered items, "Label: value" lines and rows of tables stand alone.
/// Full stops of abbreviations (data/abbreviations.txt), initials and decimals end nothing. Linear
/// in the text. Immutable, so safe to share between threads.
class SentenceSplitter {
 public:
  SentenceSplitter();

  /// Sentences of text[range) in order, without blanks at their ends; none is empty. `text` is
  /// valid UTF-8.
  std::vector<ByteRange> split(std::string_view text, ByteRange range) const;

 private:
  void split_block(std::string_view text, ByteRange block, std::vector<ByteRange>& out) const;
  bool stop_ends(std::string_view text, ByteRange sentence, i64 stop, i64 next) const;

  std::unordered_set<std::string> never_;   ///< abbreviations that end no sentence
  std::unordered_set<std::string> number_;  ///< none before a number
  std::unordered_set<std::string> small_;   ///< none before a small letter
};

}  // namespace medlar::clinical
