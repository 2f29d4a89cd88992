#pragma once

#include <optional>
#include <vector>

#include "text/byte_range.h"
#include "text/flat_map.h"

namespace medlar::text {

/// Part of a word while pairs are being merged; id -1 merges with nothing.
struct Symbol {
  i64 id = -1;
  ByteRange range;
};

/// The ranked pairs of byte-pair encoding (Sennrich et al. 2016). Filled once, then safe to read
/// from many threads.
class Merges {
 public:
  struct Merge {
    i64 rank;
    i64 id;
  };

  explicit Merges(i64 expected = 0) : pairs_(expected) {}

  /// `left` + `right` become `merged`; lower ranks first. Ids and ranks below 2^32 - 1.
  void add(i64 left, i64 right, Merge merge);
  std::optional<Merge> find(i64 left, i64 right) const;
  i64 size() const { return pairs_.size(); }

  /// Merges the pair of lowest rank, the leftmost of equal ones, until no pair is left. O(n^2) for
  /// short words, O(n log n) for long ones: same result.
  void apply(std::vector<Symbol>& symbols) const;

 private:
  void apply_by_scan(std::vector<Symbol>& symbols) const;
  void apply_by_heap(std::vector<Symbol>& symbols) const;

  FlatMap pairs_;
};

}  // namespace medlar::text
