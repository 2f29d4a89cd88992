#pragma once

#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace medlar::ops {

struct Context;

/// Srivastava et al. 2014 (JMLR 15): which values ops::dropout leaves out of a pass.
struct Dropout {
  float rate = 0.0f;
  u64 seed = 0;
  u64 calls = 0;  ///< of this pass so far: each has random numbers of its own
};

/// Reverse-mode differentiation of what ran (Linnainmaa 1970; Griewank and Walther 2008, ch. 3):
/// every op that ran with a tape left a step that turns the gradient of its output into those of
/// its inputs. Steps replay backwards on the same kernels. Not thread-safe.
class Tape {
 public:
  /// The step's job: given d loss / d output, call tape.accumulate for each input. The context
  /// records nothing.
  using Step = std::function<void(Context&, Tape& tape, const Tensor& grad_output)>;

  void record(const Tensor& output, Step step) { steps_.emplace_back(output, std::move(step)); }

  /// Runs all steps from the last to the first, starting with d loss / d output = `seed` of
  /// output's shape. The tape is empty afterwards; the gradients of what no step made (parameters,
  /// inputs) stay until clear(), and add up over several passes.
  void backward(const Context& ctx, const Tensor& output, const Tensor& seed);

  /// Adds to d loss / d tensor; to be called by steps.
  void accumulate(Context& ctx, const Tensor& tensor, const Tensor& grad);

  /// d loss / d tensor, or null where the tensor had no part in the loss.
  const Tensor* gradient(const Tensor& tensor) const;

  /// What ops::dropout does while this tape records: nothing at rate 0.
  Dropout dropout;

  void clear() {
    steps_.clear();
    gradients_.clear();
  }

 private:
  std::vector<std::pair<Tensor, Step>> steps_;
  std::unordered_map<u64, Tensor> gradients_;
};

}  // namespace medlar::ops
