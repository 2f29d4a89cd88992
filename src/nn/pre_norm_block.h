#pragma once

#include <cmath>

#include "nn/self_attention.h"

namespace medlar::nn {

/// Sizes and options of a PreNormBlock: D hidden, H query heads, K key/value heads, d head size, F
/// feed-forward.
struct PreNormSizes {
  i64 D, H, K, d, F;
  float epsilon;
  ops::Mask mask = ops::Mask::causal;
  i64 window = 0;  ///< tokens that a token sees, itself included; 0 for all
  bool head_norms = false;
  Bias qkv_bias = Bias::none;
  Bias o_bias = Bias::none;
  Bias mlp_bias = Bias::none;
};

/// The decoder layer of the Llama line: h += attention(norm(h)); h += mlp(norm(h)).
struct PreNormBlock {
  RmsNorm attention_norm;
  SelfAttention attention;
  RmsNorm mlp_norm;
  SwiGlu mlp;

  /// w is the scope of the layer, with the tensor names of Hugging Face's Llama.
  PreNormBlock(const Weights& w, const PreNormSizes& s)
      : attention_norm(rms_norm(w, "input_layernorm", s.D, s.epsilon)),
        attention(make_attention(w.at("self_attn"), s)),
        mlp_norm(rms_norm(w, "post_attention_layernorm", s.D, s.epsilon)),
        mlp(w.at("mlp"), s.D, s.F, s.mlp_bias) {}

  static SelfAttention make_attention(const Weights& w, const PreNormSizes& s) {
    const auto norm = [&](std::string_view name) {
      return s.head_norms ? std::optional(rms_norm(w, name, s.d, s.epsilon)) : std::nullopt;
    };
    return {.q_proj = w.with_heads(s.H).linear("q_proj", s.H * s.d, s.D, Split::out, s.qkv_bias),
            .k_proj = w.with_heads(s.K).linear("k_proj", s.K * s.d, s.D, Split::heads, s.qkv_bias),
            .v_proj = w.with_heads(s.K).linear("v_proj", s.K * s.d, s.D, Split::heads, s.qkv_bias),
            .o_proj = w.linear("o_proj", s.D, s.H * s.d, Split::in, s.o_bias),
            .q_norm = norm("q_norm"),
            .k_norm = norm("k_norm"),
            .head_size = s.d,
            .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(s.d)),
                     .mask = s.mask,
                     .window = s.window}};
  }

  /// h [T, D] -> [T, D].
  Tensor operator()(ops::Context& ctx, const Tensor& h, const RopeAngles& angles,
                    const Batch& batch, const backend::KvPages* cache) const {
    const Tensor attended =
        ops::add(ctx, h, attention(ctx, attention_norm(ctx, h), &angles, batch, cache));
    return ops::add(ctx, attended, mlp(ctx, mlp_norm(ctx, attended)));
  }
};

}  // namespace medlar::nn
