#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "clinical/quantities.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// Laboratory values and vital signs (data/labs.txt): a name with a number behind it. Immutable, so
/// safe to share between threads.
class LabRules {
 public:
  LabRules();

  /// Spans from the name to the end of value and unit, label "lab" or "vital"; attributes, where
  /// known: name, loinc, value ("5.6", "120/80"), comparator ("<"), unit (UCUM; "unit_assumed" is
  /// "yes" where the text has none), range_low, range_high, flag (H, L, N: as given, else by the
  /// range in the text).
  std::vector<Span> find(std::string_view text, std::span<const Word> words) const;

 private:
  struct Unit {
    std::string code;
    double low = 0.0;
    double high = 0.0;  ///< low = high: any value
  };
  struct Kind {
    std::string label;
    std::string name;
    std::string loinc;
    std::vector<Unit> units;
  };
  struct Name {
    i64 kind = 0;
    std::string exact;
  };

  using Attributes = std::map<std::string, std::string>;

  void read_kind(std::string_view line);
  std::optional<i64> read_value(std::string_view text, std::span<const Word> words, i64 at,
                                const Kind& kind, Attributes& attributes) const;
  std::optional<Span> value_behind(std::string_view text, std::span<const Word> words,
                                   const PhraseTable::Match& name, i64& end) const;

  std::vector<Kind> kinds_;
  std::vector<Name> names_;
  PhraseTable table_;
  ValueTable units_;
};

}  // namespace medlar::clinical
