#pragma once

#include <optional>

#include "nn/weights.h"

namespace medlar::nn {

/// x rsqrt(mean(x^2) + eps) w.
struct RmsNorm {
  Tensor weight;
  float epsilon;

  Tensor operator()(ops::Context& ctx, const Tensor& x) const {
    return ops::rms_norm(ctx, x, weight, epsilon);
  }
};

/// (x - mean) rsqrt(variance + eps) w + b.
struct LayerNorm {
  Tensor weight;
  std::optional<Tensor> bias;
  float epsilon;

  Tensor operator()(ops::Context& ctx, const Tensor& x) const {
    return ops::layer_norm(ctx, x, weight, bias ? &*bias : nullptr, epsilon);
  }
};

inline RmsNorm rms_norm(const Weights& w, std::string_view name, i64 size, float epsilon) {
  return {.weight = w.at(name).vector("weight", size), .epsilon = epsilon};
}

inline LayerNorm layer_norm(const Weights& w, std::string_view name, i64 size, float epsilon,
                            Bias bias = Bias::present) {
  const Weights norm = w.at(name);
  LayerNorm result = {
      .weight = norm.vector("weight", size), .bias = std::nullopt, .epsilon = epsilon};
  if (bias == Bias::present || (bias == Bias::optional && norm.has("bias")))
    result.bias = norm.vector("bias", size);
  return result;
}

}  // namespace medlar::nn
