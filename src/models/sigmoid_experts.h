#pragma once

#include <optional>

#include "models/config.h"
#include "models/model.h"
#include "nn/experts.h"
#include "nn/self_attention.h"

namespace medlar::models {

/// Sizes of a mixture with sigmoid scores, as DeepSeek-V3 and GLM-4.5 state them.
struct SigmoidExpertsConfig {
  i64 count, inner, shared;
  ops::RouteSpec route;

  explicit SigmoidExpertsConfig(const ConfigReader& c);
};

/// The mixture of DeepSeek-V3 (DeepSeek-AI 2024, arXiv 2412.19437, section 2.1.2): scores
/// sigmoid(x Wg), chosen with a bias that balances the load, weighed without it, and shared experts
/// that every token takes.
struct SigmoidExperts {
  nn::Linear gate;
  Tensor bias;
  nn::Experts experts;
  std::optional<nn::SwiGlu> shared;
  ops::RouteSpec route;

  /// w is the scope of the layer's mlp.
  SigmoidExperts(const nn::Weights& w, i64 hidden, const SigmoidExpertsConfig& config);

  /// x [T, D] -> [T, D].
  Tensor operator()(Context& ctx, const Tensor& x) const;
};

/// The feed-forward part of a layer: dense in the first ones, a mixture in the others.
struct LayerMlp {
  std::optional<nn::SwiGlu> dense;
  std::optional<SigmoidExperts> experts;

  /// w is the scope of the layer's mlp; inner the width of a dense one.
  LayerMlp(const nn::Weights& w, i64 hidden, i64 inner, const SigmoidExpertsConfig& config,
           bool is_dense);

  Tensor operator()(Context& ctx, const Tensor& x) const {
    return dense ? (*dense)(ctx, x) : (*experts)(ctx, x);
  }
};

}  // namespace medlar::models
