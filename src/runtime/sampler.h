#pragma once

#include <span>

#include "base/types.h"

namespace medlar::runtime {

/// How the next token is chosen. Temperature 0 takes the most likely one.
struct SamplingParameters {
  float temperature = 0.0f;
  i64 top_k = 0;       ///< of the most likely tokens; 0 = all
  float top_p = 1.0f;  ///< smallest set of tokens whose probabilities reach it (Holtzman et al.
                       ///< 2020, arXiv 1904.09751)
  u64 seed = 0;
};

/// Throws invalid_argument for values out of range.
void check_sampling(const SamplingParameters& parameters);

/// Index of the largest value, the lowest of equals. Values must not be empty; NaN never wins.
i64 argmax(std::span<const float> values);

/// The next token. Its randomness is a function of (seed, position) alone, so the same request
/// draws the same tokens whatever runs beside it.
i64 sample(std::span<const float> logits, const SamplingParameters& parameters, i64 position);

}  // namespace medlar::runtime
