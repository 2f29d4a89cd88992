#pragma once

#include <span>

#include "ops/context.h"

namespace medlar::train {

/// What a token should be called: a column of the logits among those of its head.
struct TokenTarget {
  i64 column = -1;  ///< -1: the token has no part in the loss
  i64 first = 0;    ///< the head's columns are [first, first + count)
  i64 count = 0;
  float weight = 1.0f;
};

/// The weights of the tokens that have a target, together.
double weight_of(std::span<const TokenTarget> targets);

/// Weighted mean over the rows with a target of the cross entropy between softmax over the head's
/// columns and the target, (1 - smoothing) of it and the rest spread evenly (Szegedy et al. 2016,
/// arXiv 1512.00567, section 7): logits [T, C] -> [1]. Throws invalid_argument where no row has a
/// target.
Tensor token_loss(ops::Context& ctx, const Tensor& logits, std::span<const TokenTarget> targets,
                  float smoothing = 0.0f);

}  // namespace medlar::train
