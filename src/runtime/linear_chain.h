#pragma once

#include <span>
#include <vector>

#include "base/types.h"

/// Paths of labels through the tokens of a text, scored by the sum of each token's score of its
/// label and of each step from label to label: linear-chain conditional random fields (Lafferty,
/// McCallum and Pereira 2001). Minus infinity forbids a step.
namespace medlar::runtime {

/// Scores of label b after label a, of the first and of the last label.
struct Transitions {
  std::vector<float> between;  ///< [L, L]
  std::vector<float> start;    ///< [L]
  std::vector<float> end;      ///< [L]
};

/// The labels of the highest sum of token and transition scores (Viterbi 1967), of equal ones the
/// lower label. scores [T, L], where some path is finite.
std::vector<i64> best_path(std::span<const float> scores, const Transitions& transitions);

/// The score of one path. path [T], T > 0.
double path_score(std::span<const float> scores, const Transitions& transitions,
                  std::span<const i64> path);

/// What all paths come to, each weighed by exp of its score.
struct ChainSums {
  double log_partition = 0.0;  ///< log of the sum of the weights
  std::vector<double> labels;  ///< [T, L] probability of each label at each token
  std::vector<double> steps;   ///< [L, L] expected number of steps from label a to label b
};

/// By forward and backward sums in double (Rabiner 1989, section III); T L^2 steps. scores [T, L],
/// where some path is finite.
ChainSums chain_sums(std::span<const float> scores, const Transitions& transitions);

}  // namespace medlar::runtime
