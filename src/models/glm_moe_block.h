#pragma once

#include "models/sigmoid_experts.h"
#include "nn/pre_norm_block.h"

namespace medlar::models {

/// Where the text models of GLM-4.5 and GLM-4.5V differ when their files say nothing.
struct GlmMoeDefaults {
  i64 head_size;
  i64 context;
  bool attention_bias;
};

/// The decoder of GLM-4.5 (Zeng et al. 2025, arXiv 2508.06471): D hidden, H query heads, K
/// key/value heads, d head size, F feed-forward of the dense layers, V vocabulary.
struct GlmMoeConfig {
  i64 D, H, K, d, F, V, layers, dense_layers, context;
  float epsilon;
  bool tied, head_norms;
  nn::Bias attention_bias;
  SigmoidExpertsConfig experts;

  GlmMoeConfig(const ConfigReader& c, const GlmMoeDefaults& defaults);
};

/// h += attention(norm(h)); h += mlp(norm(h)), the mlp dense or a mixture.
struct GlmMoeBlock {
  nn::RmsNorm attention_norm;
  nn::SelfAttention attention;
  nn::RmsNorm mlp_norm;
  LayerMlp mlp;

  /// w is the scope of the layer.
  GlmMoeBlock(const nn::Weights& w, const GlmMoeConfig& c, i64 layer);

  /// h [T, D] -> [T, D].
  Tensor operator()(Context& ctx, const Tensor& h, const nn::RopeAngles& angles, const Batch& batch,
                    const backend::KvPages* cache) const;
};

}  // namespace medlar::models
