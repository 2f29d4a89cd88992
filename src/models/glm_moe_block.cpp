#include "models/glm_moe_block.h"

namespace medlar::models {

GlmMoeConfig::GlmMoeConfig(const ConfigReader& c, const GlmMoeDefaults& defaults)
    : D(c.size("hidden_size")),
      H(c.size("num_attention_heads")),
      K(c.size_or("num_key_value_heads", 8)),
      d(c.size_or("head_dim", defaults.head_size)),
      F(c.size("intermediate_size")),
      V(c.size("vocab_size")),
      layers(c.size("num_hidden_layers")),
      dense_layers(c.count_or("first_k_dense_replace", 1)),
      context(c.size_or("max_position_embeddings", defaults.context)),
      epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
      tied(c.flag_or("tie_word_embeddings", false)),
      head_norms(c.flag_or("use_qk_norm", false)),
      attention_bias(c.flag_or("attention_bias", defaults.attention_bias) ? nn::Bias::present
                                                                          : nn::Bias::none),
      experts(c) {}

GlmMoeBlock::GlmMoeBlock(const nn::Weights& w, const GlmMoeConfig& c, i64 layer)
    : attention_norm(nn::rms_norm(w, "input_layernorm", c.D, c.epsilon)),
      attention(
          nn::PreNormBlock::make_attention(w.at("self_attn"), {.D = c.D,
                                                               .H = c.H,
                                                               .K = c.K,
                                                               .d = c.d,
                                                               .F = c.F,
                                                               .epsilon = c.epsilon,
                                                               .head_norms = c.head_norms,
                                                               .qkv_bias = c.attention_bias})),
      mlp_norm(nn::rms_norm(w, "post_attention_layernorm", c.D, c.epsilon)),
      mlp(w.at("mlp"), c.D, c.F, c.experts, layer < c.dense_layers) {}

Tensor GlmMoeBlock::operator()(Context& ctx, const Tensor& h_TD, const nn::RopeAngles& angles,
                               const Batch& batch, const backend::KvPages* cache) const {
  const Tensor a_TD =
      ops::add(ctx, h_TD, attention(ctx, attention_norm(ctx, h_TD), &angles, batch, cache));
  return ops::add(ctx, a_TD, mlp(ctx, mlp_norm(ctx, a_TD)));
}

}  // namespace medlar::models
