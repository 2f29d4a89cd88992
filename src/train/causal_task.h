#pragma once

#include <vector>

#include "train/task.h"

namespace medlar::train {

/// The next token of texts, measured by the perplexity of devel. Sequences of a batch are packed
/// one after the other, each attends to itself only.
class CausalTask final : public Task {
 public:
  CausalTask(std::vector<TokenSequence> train, std::vector<TokenSequence> devel,
             const TrainingOptions& options);

  Epoch plan(i64 epoch) const override { return shuffled_epoch(train_, epoch); }
  std::optional<Score> measure(runtime::Runner& runner) const override;

 private:
  std::vector<TokenSequence> train_;
  std::vector<TokenSequence> devel_;
};

}  // namespace medlar::train
