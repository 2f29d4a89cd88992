#include "clinical/scores.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace medlar::clinical {
namespace {

double ratio(i64 part, i64 all) {
  return all == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(all);
}

Json interval_json(const Interval& interval) { return Json::array({interval.low, interval.high}); }

}  // namespace

double Counts::precision() const { return ratio(both, found); }
double Counts::recall() const { return ratio(both, expected); }
double Counts::f1() const { return ratio(2 * both, expected + found); }

Counts& Counts::operator+=(const Counts& other) {
  both += other.both;
  expected += other.expected;
  found += other.found;
  return *this;
}

Interval wilson(i64 hits, i64 all) {
  if (all == 0) return {.low = 0.0, .high = 1.0};
  constexpr double z = 1.959963984540054;  // 97.5 % point of the normal distribution
  const auto n = static_cast<double>(all);
  const double p = static_cast<double>(hits) / n;
  const double middle = p + z * z / (2.0 * n);
  const double reach = z * std::sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n));
  const double scale = 1.0 + z * z / n;
  return {.low = std::max(0.0, (middle - reach) / scale),
          .high = std::min(1.0, (middle + reach) / scale)};
}

Interval bootstrap_f1(const std::vector<Counts>& units) {
  constexpr i64 samples = 1000;
  constexpr u64 seed = 1;
  if (units.empty()) return {.low = 0.0, .high = 1.0};
  std::vector<double> values;
  for (i64 sample = 0; sample < samples; ++sample) {
    Counts sum;
    for (std::size_t draw = 0; draw < units.size(); ++draw) {
      const u64 number = philox(seed, static_cast<u64>(sample), draw)[0];
      sum += units[static_cast<std::size_t>(number * units.size() >> 32U)];
    }
    values.push_back(sum.f1());
  }
  std::sort(values.begin(), values.end());
  return {.low = values[24], .high = values[974]};  // 2.5 % and 97.5 %
}

Json scores_json(const std::vector<Counts>& units) {
  Counts sum;
  for (const Counts& unit : units) sum += unit;
  return {{"f1", sum.f1()},
          {"precision", sum.precision()},
          {"recall", sum.recall()},
          {"expected", sum.expected},
          {"found", sum.found},
          {"right", sum.both},
          {"intervals_95",
           {{"f1", interval_json(bootstrap_f1(units))},
            {"precision", interval_json(wilson(sum.both, sum.found))},
            {"recall", interval_json(wilson(sum.both, sum.expected))}}}};
}

}  // namespace medlar::clinical
