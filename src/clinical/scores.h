#pragma once

#include <vector>

#include "base/json.h"

namespace medlar::clinical {

/// What was found of what was to be found.
struct Counts {
  i64 both = 0;
  i64 expected = 0;
  i64 found = 0;

  double precision() const;  ///< 1 where nothing was found
  double recall() const;     ///< 1 where nothing was expected
  double f1() const;         ///< 1 where neither
  Counts& operator+=(const Counts& other);
};

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// 95 % interval of a proportion (Wilson 1927); 0 to 1 for nothing counted.
Interval wilson(i64 hits, i64 all);

/// 95 % interval of F1: 1,000 samples of the units (sentences, notes) with replacement, the same
/// ones at each call.
Interval bootstrap_f1(const std::vector<Counts>& units);

/// {"f1", "precision", "recall", "expected", "found", "right", "intervals_95": {...}} over units.
Json scores_json(const std::vector<Counts>& units);

}  // namespace medlar::clinical
