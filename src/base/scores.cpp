#include "base/scores.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace medlar {
namespace {

double ratio(i64 part, i64 all) {
  return all == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(all);
}

Json interval_json(const Interval& interval) { return Json::array({interval.low, interval.high}); }

}  // namespace

double Counts::precision() const { return ratio(right, found); }
double Counts::recall() const { return ratio(right, wanted); }
double Counts::f1() const { return ratio(2 * right, wanted + found); }

Counts& Counts::operator+=(const Counts& other) {
  right += other.right;
  wanted += other.wanted;
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

Interval bootstrap(std::span<const Counts> units, double (Counts::*statistic)() const, i64 rounds) {
  constexpr u64 seed = 1;
  if (units.empty() || rounds < 1) return {.low = 0.0, .high = 1.0};
  std::vector<double> values;
  for (i64 round = 0; round < rounds; ++round) {
    Counts sum;
    for (std::size_t draw = 0; draw < units.size(); ++draw) {
      const u64 number = philox(seed, static_cast<u64>(round), draw)[0];
      sum += units[static_cast<std::size_t>(number * units.size() >> 32U)];
    }
    values.push_back((sum.*statistic)());
  }
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(rounds - 1))];
  };
  return {.low = at(0.025), .high = at(0.975)};
}

Json scores_json(std::span<const Counts> units, i64 rounds) {
  Counts sum;
  for (const Counts& unit : units) sum += unit;
  return {{"f1", sum.f1()},
          {"precision", sum.precision()},
          {"recall", sum.recall()},
          {"expected", sum.wanted},
          {"found", sum.found},
          {"right", sum.right},
          {"intervals_95",
           {{"f1", interval_json(bootstrap(units, &Counts::f1, rounds))},
            {"precision", interval_json(wilson(sum.right, sum.found))},
            {"recall", interval_json(wilson(sum.right, sum.wanted))}}}};
}

}  // namespace medlar
