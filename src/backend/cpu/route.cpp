// The choice of experts by a router's scores: one definition for all cpu backends.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/cpu/functions.h"
#include "backend/cpu/shared.h"

namespace medlar::backend::cpu {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// The index of the largest value; of equal ones the first. NaN never wins, so that a broken
/// network still chooses experts that exist.
i64 best_of(const std::vector<float>& values) {
  i64 best = 0;
  for (i64 i = 1; i < ssize_of(values); ++i) {
    const float value = values[static_cast<std::size_t>(i)];
    const float highest = values[static_cast<std::size_t>(best)];
    if (value > highest || std::isnan(highest)) best = i;
  }
  return best;
}

/// Sum of the two largest of a group; of a group of one, that one.
float group_score(const float* choice, i64 size) {
  float first = minus_infinity;
  float second = minus_infinity;
  for (i64 i = 0; i < size; ++i) {
    if (choice[i] > first) {
      second = first;
      first = choice[i];
    } else if (choice[i] > second) {
      second = choice[i];
    }
  }
  return size == 1 ? first : first + second;
}

void keep_best_groups(const RouteArgs& a, std::vector<float>& choice) {
  const i64 size = a.experts / a.groups;
  std::vector<float> scores;
  for (i64 g = 0; g < a.groups; ++g) scores.push_back(group_score(choice.data() + g * size, size));
  std::vector<bool> kept(scores.size(), false);
  for (i64 n = 0; n < a.kept_groups; ++n) {
    const auto best = static_cast<std::size_t>(best_of(scores));
    kept[best] = true;
    scores[best] = minus_infinity;
  }
  for (i64 e = 0; e < a.experts; ++e) {
    if (!kept[static_cast<std::size_t>(e / size)])
      choice[static_cast<std::size_t>(e)] = minus_infinity;
  }
}

void weigh(const RouteArgs& a, float* y) {
  if (a.weights == ExpertWeights::softmax) {
    const float highest = *std::max_element(y, y + a.chosen);
    for (i64 s = 0; s < a.chosen; ++s) y[s] = exp_f32(y[s] - highest);
  }
  if (a.weights != ExpertWeights::as_scored) {
    constexpr float never_zero = 1e-20f;
    float sum = 0.0f;
    for (i64 s = 0; s < a.chosen; ++s) sum += y[s];
    for (i64 s = 0; s < a.chosen; ++s) y[s] /= sum + never_zero;
  }
  for (i64 s = 0; s < a.chosen; ++s) y[s] *= a.factor;
}

void route_row(const RouteArgs& a, i64 row) {
  const float* scores = a.scores + row * a.experts;
  std::vector<float> choice(scores, scores + a.experts);
  for (i64 e = 0; a.bias != nullptr && e < a.experts; ++e)
    choice[static_cast<std::size_t>(e)] += a.bias[e];
  if (a.kept_groups < a.groups) keep_best_groups(a, choice);
  for (i64 s = 0; s < a.chosen; ++s) {
    const i64 best = best_of(choice);
    a.index[row * a.chosen + s] = best;
    a.y[row * a.chosen + s] = scores[best];
    choice[static_cast<std::size_t>(best)] = std::numeric_limits<float>::quiet_NaN();
  }
  weigh(a, a.y + row * a.chosen);
}

}  // namespace

void route(const Stream& stream, const RouteArgs& a) {
  stream.threads->parallel_for(a.rows, 4, [&](i64 begin, i64 end) {
    for (i64 row = begin; row < end; ++row) route_row(a, row);
  });
}

}  // namespace medlar::backend::cpu
