#pragma once

#include <functional>

#include "backend/kernels.h"
#include "comm/comm.h"
#include "ops/tape.h"
#include "tensor/tensor.h"

namespace medlar::ops {

/// Called with the hidden states [T, D] after the embedding (layer 0) and after each block.
using Observer = std::function<void(i64 layer, const Tensor& hidden)>;

/// Called with the rows x [rows, in] that a matrix is multiplied by.
using InputObserver = std::function<void(const backend::WeightView&, const float* x, i64 rows)>;

/// What an op needs, passed explicitly as the first argument; one per rank and step. Owns nothing
/// but the small parts; used by one thread.
struct Context {
  const backend::Kernels& kernels;
  backend::Stream stream;
  Pool& pool;
  comm::Comm& comm;
  Tape* tape = nullptr;                   ///< records gradients when set
  const Observer* observer = nullptr;     ///< sees hidden states when set
  const InputObserver* inputs = nullptr;  ///< sees what matrices are multiplied by when set

  void observe(i64 layer, const Tensor& hidden) const {
    if (observer != nullptr) (*observer)(layer, hidden);
  }
};

}  // namespace medlar::ops
