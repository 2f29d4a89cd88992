#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "clinical/deid/deidentifier.h"

namespace medlar::clinical {

/// De-identifies text that arrives in pieces. Text is held back until its segment is complete: a
/// blank line ends one, and in a paragraph longer than `longest_segment` bytes the last space
/// between words in small letters, else the last space. Where a segment ends depends on the text
/// alone, so any cutting of the input gives the same output. Names found in a segment are known in
/// the later ones. Not for several threads at once; `deidentifier` must outlive it.
class Redactor {
 public:
  static constexpr std::size_t longest_segment = 4096;

  explicit Redactor(const Deidentifier& deidentifier) : deidentifier_(deidentifier) {}

  /// Takes more text, gives what can be shown. Throws as Deidentifier::run does; nothing of the
  /// segment that failed has been or will be given.
  std::string push(std::string_view chunk);
  /// The rest, at the end of the text.
  std::string finish();

 private:
  std::size_t segment_end() const;
  std::string redacted(std::string segment);

  const Deidentifier& deidentifier_;
  std::string held_;
  std::string names_;  ///< names of earlier segments, one a line
  std::vector<Span> labelled_;
};

}  // namespace medlar::clinical
