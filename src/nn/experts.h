#pragma once

#include <optional>
#include <vector>

#include "nn/weights.h"

namespace medlar::nn {

/// Rows of a batch put in the order of the experts that they go to.
struct Dispatch {
  Tensor token;             ///< [R] i64 row of the batch, R = T k; expert after expert
  Tensor place;             ///< [T, k] i64 where each choice of a token lies in that order
  std::vector<i64> starts;  ///< [E + 1] first row of each expert, then R
};

/// Within an expert tokens keep their order. Without memory (meta) the rows are spread evenly.
Dispatch dispatch(ops::Context& ctx, const Tensor& experts, i64 count);

/// The gate of an expert: [R, F] x [R, F] -> [R, F].
using Glu = Tensor (*)(ops::Context& ctx, const Tensor& gate, const Tensor& up);

/// silu(gate) * up (Shazeer 2020, arXiv 2002.05202).
Tensor swiglu(ops::Context& ctx, const Tensor& gate, const Tensor& up);
/// gate sigmoid(1.702 gate) (up + 1) with gate at most 7 and up in [-7, 7] (gpt-oss).
Tensor clamped_swiglu(ops::Context& ctx, const Tensor& gate, const Tensor& up);

/// Feed-forward networks of one shape, of which each token takes the weighted sum of a few (Shazeer
/// et al. 2017, arXiv 1701.06538): y = sum over chosen e of w_e down_e(glu(gate_e x, up_e x)).
struct Experts {
  GroupedLinear gate_proj, up_proj, down_proj;
  Glu glu;

  /// w is the scope that holds gate_proj, up_proj and down_proj of all experts, `chosen` of which a
  /// token takes.
  Experts(const Weights& w, i64 count, i64 chosen, i64 hidden, i64 inner, Glu glu,
          Bias bias = Bias::none);

  /// x [T, D] -> [T, D].
  Tensor operator()(ops::Context& ctx, const Tensor& x, const ops::Routes& routes) const;
};

}  // namespace medlar::nn
