#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ops/ops.h"

namespace medlar::nn {

/// How ranks share a matrix [out, in]. Each rank always holds whole rows, so that every output is
/// one sum in one order and the number of ranks never changes a bit.
enum class Split {
  none,   ///< every rank has it all
  out,    ///< the result stays split: this rank has its rows' outputs
  heads,  ///< the same by whole heads; where they are fewer than ranks, several ranks have one
  in,     ///< the input comes split and the result is whole on all ranks
};

enum class Bias { none, present, optional };

/// A change of a matrix that is trained in its place: scale B A (Hu et al. 2021, arXiv 2106.09685).
struct LowRank {
  ops::Weight a;  ///< [rank, in]
  ops::Weight b;  ///< [out, rank]
  float scale = 1.0f;
};

/// y = x W^T + b.
struct Linear {
  ops::Weight weight;          ///< this rank's rows
  std::optional<Tensor> bias;  ///< this rank's part
  Split split = Split::none;
  i64 out = 0;  ///< of all ranks together
  i64 in = 0;
  std::optional<LowRank> adapter = std::nullopt;  ///< while one is trained, on one rank

  /// x [T, in] (Split::in: this rank's columns) -> [T, out] (Split::out: this rank's columns).
  Tensor operator()(ops::Context& ctx, const Tensor& x) const;
};

/// Linear maps of one shape, one for each expert.
struct GroupedLinear {
  std::vector<ops::Weight> weights;  ///< [E], this rank's rows
  std::optional<Tensor> bias;        ///< [E, this rank's part]
  Split split = Split::none;
  i64 out = 0;
  i64 in = 0;

  /// Rows [starts[e], starts[e + 1]) of x [R, in] go through map e; ranks as in Linear.
  Tensor operator()(ops::Context& ctx, const Tensor& x, std::span<const i64> starts) const;
};

}  // namespace medlar::nn
