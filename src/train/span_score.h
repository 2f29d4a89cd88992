#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/types.h"
#include "runtime/head_decoding.h"

/// How well spans were found: strict, a span counts where begin, end and type all agree (Tjong Kim
/// Sang and De Meulder 2003, CoNLL-2003).
namespace medlar::train {

struct SpanCounts {
  i64 right = 0;
  i64 found = 0;
  i64 wanted = 0;

  double precision() const { return ratio(right, found); }
  double recall() const { return ratio(right, wanted); }
  double f1() const { return ratio(2 * right, found + wanted); }
  SpanCounts& operator+=(const SpanCounts& other);

 private:
  static double ratio(i64 part, i64 whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

/// Counts of one sentence (or document) by type.
using TypeCounts = std::map<std::string, SpanCounts>;
TypeCounts compare_spans(std::span<const runtime::LabelledSpan> found,
                         std::span<const runtime::LabelledSpan> wanted);

/// The sum over all types (micro average) of all sentences.
SpanCounts total_of(std::span<const TypeCounts> sentences);
TypeCounts by_type(std::span<const TypeCounts> sentences);

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// The middle 95 % of F1 over `rounds` samples of as many sentences drawn with replacement (Efron
/// 1979). The seed gives the same interval everywhere.
Interval bootstrap_f1(std::span<const TypeCounts> sentences, i64 rounds, u64 seed);

}  // namespace medlar::train
