#pragma once

#include <optional>
#include <vector>

#include "backend/kernels.h"
#include "tensor/tensor.h"

namespace medlar::nn {

/// What one step runs: the tokens of all its sequences packed one after the other. Pure data.
struct Batch {
  Tensor ids;                         ///< [T] i64
  Tensor positions;                   ///< [T] i64, place of each token in its sequence, or [3, T]:
                                      ///< time, row and column (models with position_axes 3)
  std::optional<Tensor> token_types;  ///< [T] i64; all 0 where absent
  std::optional<Tensor> global_tokens =
      std::nullopt;  ///< [T] i64, 1: all see it and it sees all (Longformer), 0:
                     ///< not, -1: as the model's head decides; all -1 if absent
  std::optional<Tensor> words = std::nullopt;  ///< [T] i64, not 0: the first piece of a word, 0:
                                               ///< not; every token is one if absent (GLiNER)
  std::vector<i64> starts;                     ///< [S + 1] first row of each sequence, then T
  std::optional<Tensor> logit_rows;            ///< [R] i64 rows that need logits; all where absent

  // With pictures only: the rows whose embeddings are pictures' features.
  std::optional<Tensor> image_rows = std::nullopt;      ///< [I] i64
  std::optional<Tensor> image_features = std::nullopt;  ///< [I, D]

  // With a cache only:
  std::optional<Tensor> slots;  ///< [T] i64 where each token's key and value go
  std::vector<backend::AttentionSequence>
      sequences;  ///< pages of each sequence; views of the caller's
};

}  // namespace medlar::nn
