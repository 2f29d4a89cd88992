#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "clinical/span.h"
#include "eval/deid_data.h"

namespace medlar::eval {

/// A share with what it is a share of, and its 95 % interval by bootstrap over texts.
struct Share {
  i64 hits = 0;
  i64 total = 0;
  double low = 1.0;
  double high = 1.0;

  double value() const {
    return total == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(total);
  }
};

struct DeidScore {
  Share recall;                        ///< direct identifiers that are hidden
  Share precision;                     ///< spans that touch a value of the reference
  Share over_redaction;                ///< words outside every value that are hidden
  std::map<std::string, Share> kinds;  ///< recall of each kind of the reference
  std::array<Share, 19> rows;  ///< recall of direct identifiers by row of HIPAA, 1 to 18, interval
                               ///< of Wilson
  double f1() const;
};

/// Found spans of one text against its reference.
struct DeidCase {
  const GoldText* gold;
  std::vector<clinical::Span> spans;
};

/// A value is hidden when no word of it is left but titles and degrees ("Dr.", "MD") and words of
/// the dictionary in small letters ("clinic"). The intervals come from `samples` resamplings with a
/// fixed seed.
DeidScore score_deid(const std::vector<DeidCase>& cases, i64 samples);

/// The words of a value that were left, for people who improve the rules. Holds text of the data.
std::vector<std::string> missed_values(const DeidCase& one);
/// The spans outside every value, as "label: text".
std::vector<std::string> needless_spans(const DeidCase& one);

}  // namespace medlar::eval
