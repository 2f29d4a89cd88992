#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "models/config.h"
#include "models/model.h"
#include "nn/activation.h"
#include "nn/self_attention.h"

/// What BERT (Devlin et al. 2019, arXiv 1810.04805) and its descendants have in common.
/// T tokens, D hidden, H heads, F feed-forward, V vocabulary.
namespace medlar::models {

/// What the parts of a layer are called; BERT's names by default.
struct BertNames {
  std::string_view query = "attention.self.query";
  std::string_view key = "attention.self.key";
  std::string_view value = "attention.self.value";
  std::string_view attention_output = "attention.output.dense";
  std::string_view attention_norm = "attention.output.LayerNorm";
  std::string_view intermediate = "intermediate.dense";
  std::string_view output = "output.dense";
  std::string_view output_norm = "output.LayerNorm";
};

/// The fields that their configurations share, with BERT's defaults.
struct BertConfig {
  i64 D, H, F, V, layers;
  i64 context;  ///< rows of the position table
  i64 types;    ///< rows of the token type table, 0 for none
  float epsilon;
  nn::Activation activation;
  BertNames names = {};

  /// Throws unsupported for positions that are not absolute.
  explicit BertConfig(const ConfigReader& c);
};

/// norm(words[ids] + positions[positions] + types[token types]) -> [T, width].
struct BertEmbeddings {
  ops::Weight words, positions;
  std::optional<ops::Weight> types;
  nn::LayerNorm norm;

  /// w is the scope "embeddings".
  BertEmbeddings(const nn::Weights& w, const BertConfig& c, i64 width);
  BertEmbeddings(const nn::Weights& w, const BertConfig& c) : BertEmbeddings(w, c, c.D) {}
  Tensor operator()(Context& ctx, const Batch& batch, const Tensor& positions_T) const;
};

/// Bidirectional attention; w is the scope of a layer.
nn::SelfAttention bert_attention(const nn::Weights& w, const BertConfig& c);

/// output(activation(intermediate(x))); w is the scope of a layer.
struct BertMlp {
  nn::Linear intermediate, output;
  nn::Activation activation;

  BertMlp(const nn::Weights& w, const BertConfig& c);
  Tensor operator()(Context& ctx, const Tensor& x_TD) const;
};

/// What follows the attention in a layer with the norms behind: x = norm(x + attended); x = norm(x
/// + mlp(x)).
struct BertTail {
  nn::LayerNorm attention_norm;
  BertMlp mlp;
  nn::LayerNorm output_norm;

  BertTail(const nn::Weights& w, const BertConfig& c);
  Tensor operator()(Context& ctx, const Tensor& x_TD, const Tensor& attended_TD) const;
};

/// A layer of BERT.
struct BertBlock {
  nn::SelfAttention attention;
  BertTail tail;

  BertBlock(const nn::Weights& w, const BertConfig& c)
      : attention(bert_attention(w, c)), tail(w, c) {}
  Tensor operator()(Context& ctx, const Tensor& x_TD, const Batch& batch) const {
    return tail(ctx, x_TD, attention(ctx, x_TD, nullptr, batch, nullptr));
  }
};

/// All layers, each seen by the observer. w is the scope that holds "layer.0", "layer.1", ..
struct BertEncoder {
  std::vector<BertBlock> blocks;

  BertEncoder(const nn::Weights& w, const BertConfig& c);
  Tensor operator()(Context& ctx, Tensor x_TD, const Batch& batch) const;
};

/// Token types of the batch, all 0 where it has none -> [T].
Tensor token_types(Context& ctx, const Batch& batch);

/// RoBERTa's positions: the n-th token of a sequence that is no padding has position padding + n,
/// from 1 on; padding itself has position `padding` -> [T].
Tensor positions_after_padding(Context& ctx, const Batch& batch, i64 padding);

/// "pad_token_id" in [0, V). Throws corrupt_file.
i64 padding_id(const ConfigReader& c, i64 vocabulary, i64 otherwise);

/// Of an encoder that takes `context` tokens.
ModelFacts encoder_facts(const BertConfig& c, i64 context);

}  // namespace medlar::models
