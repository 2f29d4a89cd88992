#pragma once

#include <span>
#include <vector>

#include "nn/weights.h"
#include "ops/context.h"
#include "runtime/linear_chain.h"

namespace medlar::train {

/// The transitions of a linear chain as a trainer changes them.
struct ChainParameters {
  Tensor between;  ///< [L, L]
  Tensor start;    ///< [L]
  Tensor end;      ///< [L]

  ChainParameters(Pool& pool, const runtime::Transitions& from);
  runtime::Transitions values() const;
  /// Under the names "crf.<head>.transitions", ".start" and ".end".
  std::vector<nn::Parameter> named(const std::string& head) const;
};

/// Rows of the logits that follow each other, and their labels.
struct LabelledChain {
  const ChainParameters* parameters;
  i64 first = 0;            ///< the head's columns begin here
  std::vector<i64> rows;    ///< at least one
  std::vector<i64> labels;  ///< by row, in [0, L)
  float weight = 1.0f;
};

/// The weights of the chains' rows, together.
double weight_of(std::span<const LabelledChain> chains);

/// Weighted sum over chains of -log of the labels' probability among all paths (Lafferty, McCallum
/// and Pereira 2001), divided by the chains' weighted count of rows: logits [T, C] -> [1]. Sums are
/// in double.
Tensor chain_loss(ops::Context& ctx, const Tensor& logits, std::span<const LabelledChain> chains);

}  // namespace medlar::train
