#pragma once

#include <span>
#include <string>
#include <vector>

#include "clinical/quantities.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// Medicines by name (data/medications.txt) and how they are taken (data/sig.txt). Immutable, so
/// safe to share between threads.
class MedicationRules {
 public:
  MedicationRules();

  /// The medicines in the words of a sentence, each with what stands with it up to the next one, or
  /// just before it. Spans hold the name as written; attributes, where known: name (generic), dose
  /// (as written), dose_value, dose_unit (UCUM), quantity ("2 tablet"), route, form, frequency
  /// (code of sig.txt, or Q8H), per_day, duration (ISO 8601, "P7D"), as_needed ("yes").
  std::vector<Span> find(std::string_view text, std::span<const Word> words) const;

 private:
  i64 read_sig(std::string_view text, std::span<const Word> words, ByteRange part,
               Span& span) const;
  i64 read_amount(std::string_view text, std::span<const Word> words, i64 at, Span& span) const;
  i64 read_interval(std::string_view text, std::span<const Word> words, i64 at, Span& span) const;
  i64 read_duration(std::string_view text, std::span<const Word> words, i64 at, Span& span) const;
  i64 read_phrase(std::string_view text, std::span<const Word> words, i64 at, Span& span) const;
  std::optional<NumberRange> amount_at(std::string_view text, std::span<const Word> words,
                                       i64 at) const;

  struct Name {
    std::string generic;
    std::string exact;
  };

  PhraseTable names_;
  std::vector<Name> generics_;
  ValueTable units_;
  ValueTable quantities_;
  ValueTable routes_;
  ValueTable forms_;
  ValueTable frequencies_;
  ValueTable as_needed_;
  ValueTable numbers_;
};

}  // namespace medlar::clinical
