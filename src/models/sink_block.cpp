#include "models/sink_block.h"

#include <cmath>

namespace medlar::models {
namespace {

nn::SelfAttention make_attention(const nn::Weights& w, const SinkBlockSizes& s) {
  using nn::Bias;
  using nn::Split;
  return {.q_proj = w.linear("q_proj", s.H * s.d, s.D, Split::out, Bias::present),
          .k_proj = w.with_heads(s.K).linear("k_proj", s.K * s.d, s.D, Split::heads, Bias::present),
          .v_proj = w.with_heads(s.K).linear("v_proj", s.K * s.d, s.D, Split::heads, Bias::present),
          .o_proj = w.linear("o_proj", s.D, s.H * s.d, Split::in, Bias::present),
          .q_norm = std::nullopt,
          .k_norm = std::nullopt,
          .head_size = s.d,
          .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(s.d)),
                   .mask = s.mask,
                   .window = s.window,
                   .sinks = w.vector("sinks", s.H, Split::out)}};
}

}  // namespace

SinkBlock::SinkBlock(const nn::Weights& w, const SinkBlockSizes& s)
    : attention_norm(nn::rms_norm(w, "input_layernorm", s.D, s.epsilon)),
      attention(make_attention(w.at("self_attn"), s)),
      mlp_norm(nn::rms_norm(w, "post_attention_layernorm", s.D, s.epsilon)),
      router(w.at("mlp").linear("router", s.E, s.D, nn::Split::none, nn::Bias::present)),
      experts(w.at("mlp").at("experts"), s.E, s.chosen, s.D, s.F, nn::clamped_swiglu,
              nn::Bias::present),
      route{.chosen = s.chosen, .weights = ops::ExpertWeights::softmax} {}

Tensor SinkBlock::operator()(Context& ctx, const Tensor& h_TD, const nn::RopeAngles& angles,
                             const Batch& batch, const backend::KvPages* cache) const {
  const Tensor a_TD =
      ops::add(ctx, h_TD, attention(ctx, attention_norm(ctx, h_TD), &angles, batch, cache));
  const Tensor x_TD = mlp_norm(ctx, a_TD);
  const ops::Routes routes = ops::route(ctx, router(ctx, x_TD), nullptr, route);
  return ops::add(ctx, a_TD, experts(ctx, x_TD, routes));
}

}  // namespace medlar::models
