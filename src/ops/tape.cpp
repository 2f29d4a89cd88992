#include "ops/tape.h"

#include "ops/ops.h"

namespace medlar::ops {

void Tape::backward(const Context& ctx, const Tensor& output, const Tensor& seed) {
  Context plain = ctx;
  plain.tape = nullptr;
  accumulate(plain, output, seed);
  std::vector<std::pair<Tensor, Step>> steps = std::move(steps_);
  steps_.clear();
  for (; !steps.empty(); steps.pop_back()) {
    const auto& [result, step] = steps.back();
    const auto found = gradients_.find(result.id());
    if (found == gradients_.end()) continue;
    const Tensor grad = found->second.reshape(result.shape());
    gradients_.erase(found);
    step(plain, *this, grad);
  }
}

void Tape::accumulate(Context& ctx, const Tensor& tensor, const Tensor& grad) {
  const Tensor shaped = grad.reshape(tensor.shape());
  const auto found = gradients_.find(tensor.id());
  if (found == gradients_.end()) {
    gradients_.emplace(tensor.id(), shaped);
  } else {
    found->second = add(ctx, found->second.reshape(tensor.shape()), shaped);
  }
}

const Tensor* Tape::gradient(const Tensor& tensor) const {
  const auto found = gradients_.find(tensor.id());
  return found == gradients_.end() ? nullptr : &found->second;
}

}  // namespace medlar::ops
