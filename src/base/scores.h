#pragma once

#include <span>
#include <vector>

#include "base/json.h"

namespace medlar {

/// What was found of what was to be found.
struct Counts {
  i64 right = 0;
  i64 wanted = 0;
  i64 found = 0;

  double precision() const;  ///< 1 where nothing was found
  double recall() const;     ///< 1 where nothing was wanted
  double f1() const;         ///< 1 where neither
  Counts& operator+=(const Counts& other);
};

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// 95 % interval of a proportion (Wilson 1927); 0 to 1 for nothing counted.
Interval wilson(i64 hits, i64 all);

/// 95 % interval of a statistic over units (sentences, notes): the middle of `rounds` samples of as
/// many units drawn with replacement (Efron 1979), the same ones at each call; 0 to 1 for no units.
Interval bootstrap(std::span<const Counts> units, double (Counts::*statistic)() const,
                   i64 rounds = 1000);

/// {"f1", "precision", "recall", "expected", "found", "right", "intervals_95": {...}} over units.
Json scores_json(std::span<const Counts> units, i64 rounds = 1000);

}  // namespace medlar
