#pragma once

#include "base/types.h"

namespace medlar::train {

/// What one step of AdamW does to each value. Apart from adamw.h so that the loop is compiled with
/// options of its own.
struct AdamWUpdate {
  float beta1, beta2, epsilon, rate, decay;
  float first_correction;   ///< 1 / (1 - beta1^number)
  float second_correction;  ///< 1 / (1 - beta2^number)
  float factor;             ///< of the gradient
};

/// The arrays do not overlap.
void update_values(const AdamWUpdate& update, const float* gradient, i64 count, float* values,
                   float* first, float* second);

}  // namespace medlar::train
