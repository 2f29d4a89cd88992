#pragma once

#include "models/model.h"
#include "nn/experts.h"
#include "nn/self_attention.h"

namespace medlar::models {

/// Sizes of a SinkBlock: D hidden, H query heads, K key/value heads, d head size, F feed-forward of
/// an expert, E experts.
struct SinkBlockSizes {
  i64 D, H, K, d, F, E;
  float epsilon;
  ops::Mask mask;
  i64 window;
  i64 chosen;  ///< experts per token
};

/// The layer of gpt-oss (OpenAI 2025, arXiv 2508.10925): attention with a learned sink per head,
/// then a mixture of clamped experts weighed by a softmax over the chosen; biases everywhere.
struct SinkBlock {
  nn::RmsNorm attention_norm;
  nn::SelfAttention attention;
  nn::RmsNorm mlp_norm;
  nn::Linear router;
  nn::Experts experts;
  ops::RouteSpec route;

  /// w is the scope of the layer.
  SinkBlock(const nn::Weights& w, const SinkBlockSizes& s);

  /// h += attention(norm(h)); h += experts(norm(h)); h [T, D].
  Tensor operator()(Context& ctx, const Tensor& h, const nn::RopeAngles& angles, const Batch& batch,
                    const backend::KvPages* cache) const;
};

}  // namespace medlar::models
