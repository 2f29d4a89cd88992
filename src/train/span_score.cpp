#include "train/span_score.h"

#include <set>

namespace medlar::train {
namespace {

Counts sum_of_types(const TypeCounts& types) {
  Counts sum;
  for (const auto& [type, counts] : types) sum += counts;
  return sum;
}

}  // namespace

TypeCounts compare_spans(std::span<const runtime::LabelledSpan> found,
                         std::span<const runtime::LabelledSpan> wanted) {
  TypeCounts counts;
  const std::set<runtime::LabelledSpan> truth(wanted.begin(), wanted.end());
  for (const runtime::LabelledSpan& span : truth) ++counts[span.type].wanted;
  for (const runtime::LabelledSpan& span : found) {
    Counts& of_type = counts[span.type];
    ++of_type.found;
    if (truth.contains(span)) ++of_type.right;
  }
  return counts;
}

std::vector<Counts> per_sentence(std::span<const TypeCounts> sentences) {
  std::vector<Counts> counts;
  for (const TypeCounts& types : sentences) counts.push_back(sum_of_types(types));
  return counts;
}

Counts total_of(std::span<const TypeCounts> sentences) {
  Counts sum;
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

}  // namespace medlar::train
