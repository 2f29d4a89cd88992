#include "models/sigmoid_experts.h"

namespace medlar::models {

SigmoidExpertsConfig::SigmoidExpertsConfig(const ConfigReader& c)
    : count(c.size("n_routed_experts")),
      inner(c.size("moe_intermediate_size")),
      shared(c.count_or("n_shared_experts", 1)),
      route{.chosen = c.size("num_experts_per_tok"),
            .groups = c.size_or("n_group", 1),
            .kept_groups = c.size_or("topk_group", 1),
            .weights = c.flag_or("norm_topk_prob", true) ? ops::ExpertWeights::sum_to_one
                                                         : ops::ExpertWeights::as_scored,
            .factor = static_cast<float>(c.number_or("routed_scaling_factor", 1.0))} {}

SigmoidExperts::SigmoidExperts(const nn::Weights& w, i64 hidden, const SigmoidExpertsConfig& c)
    : gate(w.linear("gate", c.count, hidden)),
      bias(w.at("gate").vector("e_score_correction_bias", c.count)),
      experts(w.at("experts"), c.count, c.route.chosen, hidden, c.inner, nn::swiglu),
      route(c.route) {
  if (c.shared > 0) shared.emplace(w.at("shared_experts"), hidden, c.inner * c.shared);
}

LayerMlp::LayerMlp(const nn::Weights& w, i64 hidden, i64 inner, const SigmoidExpertsConfig& config,
                   bool is_dense) {
  if (is_dense) {
    dense.emplace(w, hidden, inner);
  } else {
    experts.emplace(w, hidden, config);
  }
}

Tensor SigmoidExperts::operator()(Context& ctx, const Tensor& x_TD) const {
  const Tensor scores_TE = ops::sigmoid(ctx, gate(ctx, x_TD));
  const Tensor y_TD = experts(ctx, x_TD, ops::route(ctx, scores_TE, &bias, route));
  return shared ? ops::add(ctx, y_TD, (*shared)(ctx, x_TD)) : y_TD;
}

}  // namespace medlar::models
