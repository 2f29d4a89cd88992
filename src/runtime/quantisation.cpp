#include "runtime/quantisation.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"

namespace medlar::runtime {
namespace {

/// Sums of squares of one matrix's inputs.
struct InputSums {
  std::vector<double> squares;
  i64 rows = 0;
};

/// log softmax of a row, in double.
std::vector<double> log_softmax(std::span<const float> row) {
  const double highest = *std::ranges::max_element(row);
  double total = 0.0;
  for (const float x : row) total += std::exp(x - highest);
  const double shift = highest + std::log(total);
  std::vector<double> logs(row.size());
  std::ranges::transform(row, logs.begin(), [shift](float x) { return x - shift; });
  return logs;
}

void add_row(Divergence& sums, std::span<const float> before, std::span<const float> after) {
  const std::vector<double> p = log_softmax(before);
  const std::vector<double> q = log_softmax(after);
  double kl = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) kl += std::exp(p[i]) * (p[i] - q[i]);
  kl = std::max(kl, 0.0);  // rounding
  sums.mean += kl;
  sums.largest = std::max(sums.largest, kl);
  const auto first = [](std::span<const float> row) {
    return std::ranges::max_element(row) - row.begin();
  };
  sums.same_first += first(before) == first(after) ? 1.0 : 0.0;
}

Tensor logits_of(Runner& runner, const std::vector<i64>& window) {
  const TokenInput input = {.ids = window, .token_types = {}};
  return runner.run({&input, 1}).front().value;
}

}  // namespace

Importance importance_of(Runner& runner, const text::Tokenizer& tokenizer, const std::string& text,
                         i64 context, const OnProgress& progress) {
  const std::vector<std::vector<i64>> windows = causal_windows(tokenizer, text, context);
  std::unordered_map<const std::byte*, InputSums> sums;
  runner.watch_inputs([&](const backend::WeightView& matrix, const float* x, i64 rows) {
    InputSums& of = sums[matrix.data];
    of.squares.resize(static_cast<std::size_t>(matrix.in));
    of.rows += rows;
    for (i64 r = 0; r < rows; ++r) {
      for (i64 k = 0; k < matrix.in; ++k) {
        const double value = x[r * matrix.in + k];
        of.squares[static_cast<std::size_t>(k)] += value * value;
      }
    }
  });
  for (std::size_t w = 0; w < windows.size(); ++w) {
    progress(static_cast<i64>(w), ssize_of(windows));
    logits_of(runner, windows[w]);
  }
  runner.watch_inputs(nullptr);
  Importance importance;
  for (const nn::HeldMatrix& held : runner.held()) {
    const auto found = sums.find(held.data);
    if (found == sums.end()) continue;  // an expert that no token chose
    std::vector<float> mean(found->second.squares.size());
    for (std::size_t k = 0; k < mean.size(); ++k)
      mean[k] =
          static_cast<float>(found->second.squares[k] / static_cast<double>(found->second.rows));
    // Inputs that the text never used still count a little, or their weights would be lost.
    const float least = 1e-6f * *std::ranges::max_element(mean) + 1e-30f;
    for (float& value : mean) value += least;
    importance[held.name] = std::move(mean);
  }
  return importance;
}

Divergence divergence(Runner& before, Runner& after, const text::Tokenizer& tokenizer,
                      const std::string& text, i64 context, const OnProgress& progress) {
  const std::vector<std::vector<i64>> windows = causal_windows(tokenizer, text, context);
  Divergence result;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    progress(static_cast<i64>(w), ssize_of(windows));
    const std::vector<i64>& window = windows[w];
    const Tensor p = logits_of(before, window);
    const Tensor q = logits_of(after, window);
    if (p.shape() != q.shape()) {
      fail(ErrorCode::shape_mismatch, "logits of {} cannot be compared with logits of {}",
           p.shape().to_string(), q.shape().to_string());
    }
    const auto width = static_cast<std::size_t>(p.size(1));
    for (std::size_t i = 0; i + 1 < window.size(); ++i) {
      const std::span<const float> row_p = p.values().subspan(i * width, width);
      const std::span<const float> row_q = q.values().subspan(i * width, width);
      add_row(result, row_p, row_q);
      result.before.nll += negative_log_likelihood(row_p, window[i + 1]);
      result.after.nll += negative_log_likelihood(row_q, window[i + 1]);
      ++result.predicted;
    }
  }
  result.before.predicted = result.after.predicted = result.predicted;
  const auto count = static_cast<double>(std::max(result.predicted, i64{1}));
  result.mean /= count;
  result.same_first /= count;
  return result;
}

}  // namespace medlar::runtime
