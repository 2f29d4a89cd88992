#include "runtime/linear_chain.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace medlar::runtime {
namespace {

/// log of the sum of exp(term(i)) over i in [0, count).
template <typename Term>
double log_sum(std::size_t count, const Term& term) {
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < count; ++i) highest = std::max(highest, term(i));
  if (!std::isfinite(highest)) return highest;
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(term(i) - highest);
  return highest + std::log(sum);
}

/// Token and transition scores in double.
struct Chain {
  std::span<const float> scores;
  const Transitions& t;
  std::size_t labels = t.start.size();
  std::size_t tokens = labels == 0 ? 0 : scores.size() / labels;

  double score(std::size_t token, std::size_t b) const {
    return static_cast<double>(scores[token * labels + b]);
  }
  double step(std::size_t a, std::size_t b) const {
    return static_cast<double>(t.between[a * labels + b]);
  }

  /// [T, L]: log of the sum over the paths that end at a token with a label.
  std::vector<double> forward() const {
    std::vector<double> sums(scores.size());
    for (std::size_t b = 0; b < labels; ++b)
      sums[b] = static_cast<double>(t.start[b]) + score(0, b);
    for (std::size_t i = 1; i < tokens; ++i) {
      const double* before = sums.data() + (i - 1) * labels;
      for (std::size_t b = 0; b < labels; ++b) {
        sums[i * labels + b] =
            score(i, b) + log_sum(labels, [&](std::size_t a) { return before[a] + step(a, b); });
      }
    }
    return sums;
  }

  /// [T, L]: log of the sum over the paths from a token with a label on, its own score left out.
  std::vector<double> backward() const {
    std::vector<double> sums(scores.size());
    for (std::size_t a = 0; a < labels; ++a)
      sums[(tokens - 1) * labels + a] = static_cast<double>(t.end[a]);
    for (std::size_t i = tokens - 1; i > 0; --i) {
      const double* after = sums.data() + i * labels;
      for (std::size_t a = 0; a < labels; ++a) {
        sums[(i - 1) * labels + a] =
            log_sum(labels, [&](std::size_t b) { return step(a, b) + score(i, b) + after[b]; });
      }
    }
    return sums;
  }
};

}  // namespace

std::vector<i64> best_path(std::span<const float> scores, const Transitions& transitions) {
  const std::size_t labels = transitions.start.size();
  const std::size_t tokens = scores.size() / labels;
  if (tokens == 0) return {};
  std::vector<float> best(labels);
  std::vector<i64> came_from(tokens * labels);
  for (std::size_t b = 0; b < labels; ++b) best[b] = transitions.start[b] + scores[b];
  for (std::size_t t = 1; t < tokens; ++t) {
    std::vector<float> next(labels);
    for (std::size_t b = 0; b < labels; ++b) {
      std::size_t from = 0;
      for (std::size_t a = 1; a < labels; ++a) {
        if (best[a] + transitions.between[a * labels + b] >
            best[from] + transitions.between[from * labels + b]) {
          from = a;
        }
      }
      next[b] = best[from] + transitions.between[from * labels + b] + scores[t * labels + b];
      came_from[t * labels + b] = static_cast<i64>(from);
    }
    best = std::move(next);
  }
  for (std::size_t b = 0; b < labels; ++b) best[b] += transitions.end[b];
  std::vector<i64> path(tokens);
  path.back() = std::ranges::max_element(best) - best.begin();
  for (std::size_t t = tokens - 1; t > 0; --t)
    path[t - 1] = came_from[t * labels + static_cast<std::size_t>(path[t])];
  return path;
}

double path_score(std::span<const float> scores, const Transitions& transitions,
                  std::span<const i64> path) {
  const Chain chain = {.scores = scores, .t = transitions};
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(path[i]); };
  double sum = static_cast<double>(transitions.start[at(0)]) + chain.score(0, at(0));
  for (std::size_t i = 1; i < path.size(); ++i)
    sum += chain.step(at(i - 1), at(i)) + chain.score(i, at(i));
  return sum + static_cast<double>(transitions.end[at(path.size() - 1)]);
}

ChainSums chain_sums(std::span<const float> scores, const Transitions& transitions) {
  const Chain chain = {.scores = scores, .t = transitions};
  const std::size_t labels = chain.labels;
  ChainSums sums;
  sums.labels.resize(scores.size());
  sums.steps.resize(labels * labels);
  if (chain.tokens == 0) return sums;
  const std::vector<double> forward = chain.forward();
  const std::vector<double> backward = chain.backward();
  const double* last = forward.data() + (chain.tokens - 1) * labels;
  sums.log_partition = log_sum(
      labels, [&](std::size_t b) { return last[b] + static_cast<double>(transitions.end[b]); });
  for (std::size_t i = 0; i < scores.size(); ++i)
    sums.labels[i] = std::exp(forward[i] + backward[i] - sums.log_partition);
  for (std::size_t i = 1; i < chain.tokens; ++i) {
    const double* before = forward.data() + (i - 1) * labels;
    const double* after = backward.data() + i * labels;
    for (std::size_t a = 0; a < labels; ++a) {
      for (std::size_t b = 0; b < labels; ++b) {
        sums.steps[a * labels + b] += std::exp(before[a] + chain.step(a, b) + chain.score(i, b) +
                                               after[b] - sums.log_partition);
      }
    }
  }
  return sums;
}

}  // namespace medlar::runtime
