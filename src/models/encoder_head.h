#pragma once

#include <optional>

#include "models/model.h"
#include "nn/norm.h"

namespace medlar::models {

/// What stands on an encoder's last hidden states, by the architecture's name: token or sequence
/// classification, question answering, masked language model, BERT's two pre-training heads, or
/// nothing but the pooler. A checkpoint that names no architecture (TensorFlow) is told by its
/// tensors.
class EncoderHead {
 public:
  struct Sizes {
    i64 hidden;
    i64 vocabulary;
    float epsilon;  ///< of the masked-LM head's norm
  };

  /// w is the root of the checkpoint, encoder the scope that holds the pooler, words the embedding
  /// table that the masked-LM head shares.
  EncoderHead(const Json& config, const nn::Weights& w, const nn::Weights& encoder,
              const ops::Weight& words, const Sizes& sizes);

  /// x [T, D] -> the outputs under the reference's names.
  Outputs operator()(Context& ctx, const Tensor& x, const Batch& batch) const;

 private:
  enum class Task { hidden, token, sequence, question, masked_lm, pretraining };

  /// dense, gelu, norm, the word embeddings, a bias.
  struct MaskedLm {
    nn::Linear dense;
    nn::LayerNorm norm;
    nn::Linear decoder;

    MaskedLm(const nn::Weights& w, const ops::Weight& words, const Sizes& sizes);
    Tensor operator()(Context& ctx, const Tensor& x) const;
  };

  static Task task_of(const Json& config, const nn::Weights& w);
  Tensor pooled(Context& ctx, const Tensor& x, const Batch& batch) const;
  Outputs question(Context& ctx, const Tensor& x) const;

  Task task_;
  std::optional<nn::Linear> pooler_, classifier_;
  std::optional<MaskedLm> masked_lm_;
};

}  // namespace medlar::models
