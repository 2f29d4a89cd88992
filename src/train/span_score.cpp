#include "train/span_score.h"

#include <algorithm>
#include <set>

#include "base/rng.h"

namespace medlar::train {
namespace {

SpanCounts sum_of_types(const TypeCounts& types) {
  SpanCounts sum;
  for (const auto& [type, counts] : types) sum += counts;
  return sum;
}

}  // namespace

SpanCounts& SpanCounts::operator+=(const SpanCounts& other) {
  right += other.right;
  found += other.found;
  wanted += other.wanted;
  return *this;
}

TypeCounts compare_spans(std::span<const runtime::LabelledSpan> found,
                         std::span<const runtime::LabelledSpan> wanted) {
  TypeCounts counts;
  const std::set<runtime::LabelledSpan> truth(wanted.begin(), wanted.end());
  for (const runtime::LabelledSpan& span : truth) ++counts[span.type].wanted;
  for (const runtime::LabelledSpan& span : found) {
    SpanCounts& of_type = counts[span.type];
    ++of_type.found;
    if (truth.contains(span)) ++of_type.right;
  }
  return counts;
}

SpanCounts total_of(std::span<const TypeCounts> sentences) {
  SpanCounts sum;
  for (const TypeCounts& types : sentences) sum += sum_of_types(types);
  return sum;
}

TypeCounts by_type(std::span<const TypeCounts> sentences) {
  TypeCounts sum;
  for (const TypeCounts& types : sentences) {
    for (const auto& [type, counts] : types) sum[type] += counts;
  }
  return sum;
}

Interval bootstrap_f1(std::span<const TypeCounts> sentences, i64 rounds, u64 seed) {
  if (sentences.empty() || rounds < 1) return {};
  std::vector<SpanCounts> counts;
  for (const TypeCounts& types : sentences) counts.push_back(sum_of_types(types));
  std::vector<double> scores;
  for (i64 round = 0; round < rounds; ++round) {
    SpanCounts sum;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const u32 drawn = philox(seed, static_cast<u64>(round), i)[0];
      sum += counts[static_cast<std::size_t>(u64{drawn} * counts.size() >> 32)];
    }
    scores.push_back(sum.f1());
  }
  std::ranges::sort(scores);
  const auto at = [&](double share) {
    return scores[static_cast<std::size_t>(share * static_cast<double>(rounds - 1))];
  };
  return {.low = at(0.025), .high = at(0.975)};
}

}  // namespace medlar::train
