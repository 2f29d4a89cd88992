#pragma once

#include <cmath>
#include <optional>
#include <vector>

#include "base/json.h"
#include "nn/weights.h"
#include "train/sequences.h"
#include "train/training_options.h"

namespace medlar::train {

/// What there is to learn from, and in which batches.
struct Epoch {
  std::vector<TokenSequence> sequences;
  std::vector<std::vector<i64>> batches;  ///< places in `sequences`
};

/// How well a model does on devel.
struct Score {
  double value = 0.0;  ///< never negative, the higher the better: it decides which model is best
  Json report = Json::object();
};

/// What a model learns: the trainer's loop is the same for all. Everything that a task draws at
/// random is a function of seed, epoch and place. One thread.
class Task {
 public:
  explicit Task(const TrainingOptions& options) : options_(options) {}
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  /// Epoch 0, 1, ..
  virtual Epoch plan(i64 epoch) const = 0;

  /// The mean loss [1] of sequences that gave these logits, recorded on the context's tape. Without
  /// a task's own: the smoothed cross entropy with the sequences' targets.
  virtual Tensor loss(ops::Context& ctx, const Tensor& logits,
                      const std::vector<TokenSequence>& sequences,
                      std::span<const i64> batch) const {
    return token_loss(ctx, logits, targets_of(sequences, batch), options_.label_smoothing);
  }

  /// What a trainer changes beside the model's own parameters.
  virtual std::vector<nn::Parameter> parameters() const { return {}; }

  /// The configuration of the model as it is now, from the one that it began with.
  virtual Json config(Json begun) const { return begun; }

  /// Nothing where there is no devel.
  virtual std::optional<Score> measure(runtime::Runner& runner) const = 0;

  const TrainingOptions& options() const { return options_; }

 protected:
  /// What of devel the options want to be measured.
  template <typename T>
  std::vector<T> first_part(const std::vector<T>& devel) const {
    const double wanted = std::ceil(options_.devel_share * static_cast<double>(devel.size()));
    return {devel.begin(), devel.begin() + static_cast<std::ptrdiff_t>(wanted)};
  }

  /// All sequences in an order of the epoch's own.
  Epoch shuffled_epoch(const std::vector<TokenSequence>& sequences, i64 epoch) const {
    return {.sequences = sequences,
            .batches = draw_batches(sequences, options_.batch_tokens, options_.seed,
                                    stream_of(Stream::order, epoch))};
  }

 private:
  TrainingOptions options_;
};

/// The score of a model of a language with this mean loss for a token of devel.
inline Score language_score(double loss) {
  return {.value = std::exp(-loss),
          .report = {{"devel_loss", loss}, {"perplexity", std::exp(loss)}}};
}

}  // namespace medlar::train
