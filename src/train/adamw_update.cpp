#include "train/adamw_update.h"

#include <cmath>

namespace medlar::train {

void update_values(const AdamWUpdate& update, const float* __restrict gradient, i64 count,
                   float* __restrict values, float* __restrict first, float* __restrict second) {
  const AdamWUpdate u = update;
  for (i64 i = 0; i < count; ++i) {
    const float g = gradient[i] * u.factor;
    first[i] = u.beta1 * first[i] + (1.0f - u.beta1) * g;
    second[i] = u.beta2 * second[i] + (1.0f - u.beta2) * (g * g);
    const float direction =
        first[i] * u.first_correction / (std::sqrt(second[i] * u.second_correction) + u.epsilon);
    values[i] = values[i] - u.rate * (direction + u.decay * values[i]);
  }
}

}  // namespace medlar::train
