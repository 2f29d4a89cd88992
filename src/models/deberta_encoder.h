#pragma once

#include <optional>
#include <vector>

#include "models/bert_layers.h"

/// The encoder of DeBERTa-v2 and v3 (He et al. 2021, arXiv 2006.03654 and 2111.09543), for its own
/// family and for GLiNER.
namespace medlar::models {

struct DebertaConfig : BertConfig {
  i64 E;                    ///< width of the embeddings
  i64 span;                 ///< places to each side
  i64 buckets;              ///< logarithmic places to each side, 0 for linear ones
  i64 most_distant;         ///< distance of the last bucket
  i64 tokens;               ///< what the model was made for
  bool relative, c2p, p2c;  ///< terms of the scores
  bool shared_projections;  ///< places use the projections of the content
  bool norm_places;
  i64 convolution;  ///< kernel size of the convolution beside layer 0, 0 for none
  nn::Activation convolution_activation = nullptr;

  /// Throws unsupported for convolutions in groups or of an even number of taps.
  explicit DebertaConfig(const Json& config);

  /// Place in [0, 2 span) of the distance i - j (the paper's delta; log buckets of version 2).
  i64 place(i64 distance) const;
};

/// Softmax of content to content, content to position and position to content.
struct DebertaAttention {
  nn::SelfAttention content;
  std::optional<nn::Linear> place_query, place_key;
  i64 terms;  ///< of a score: 1 to 3

  DebertaAttention(const nn::Weights& w, const DebertaConfig& c);
  /// places_PD are the embeddings of the places, if any; place_of their numbers by distance.
  Tensor operator()(Context& ctx, const Tensor& x_TD, const std::optional<Tensor>& places_PD,
                    std::span<const i64> place_of, const Batch& batch) const;
};

/// norm(x + activation(convolution of the input over neighbouring tokens)).
struct DebertaConvolution {
  i64 taps;
  ops::Weight weight;  ///< [D, D * taps]
  Tensor bias;
  nn::LayerNorm norm;
  nn::Activation activation;

  DebertaConvolution(const nn::Weights& w, const DebertaConfig& c);
  Tensor operator()(Context& ctx, const Tensor& input_TD, const Tensor& x_TD,
                    const Batch& batch) const;
};

/// Token ids -> last hidden states.
class DebertaEncoder {
 public:
  /// w is the scope that holds "embeddings" and "encoder".
  DebertaEncoder(const Json& config, const nn::Weights& w);

  Tensor operator()(Context& ctx, const Batch& batch) const;
  const DebertaConfig& config() const { return c_; }
  const ops::Weight& words() const { return words_; }

 private:
  struct Block {
    DebertaAttention attention;
    BertTail tail;
  };

  Tensor embed(Context& ctx, const Batch& batch) const;
  std::optional<Tensor> places(Context& ctx) const;
  std::vector<i64> place_numbers(const Batch& batch) const;

  DebertaConfig c_;
  ops::Weight words_;
  std::optional<ops::Weight> positions_, types_;
  std::optional<nn::Linear> project_;
  nn::LayerNorm norm_;
  std::optional<ops::Weight> place_table_;
  std::optional<nn::LayerNorm> place_norm_;
  std::optional<DebertaConvolution> convolution_;
  std::vector<Block> blocks_;
};

}  // namespace medlar::models
