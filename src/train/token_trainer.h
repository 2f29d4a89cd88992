#pragma once

#include <memory>

#include "train/token_task.h"
#include "train/trainer.h"

namespace medlar::train {

/// The trainer of token classifiers. The runner must outlive it.
class TokenTrainer final : public Trainer {
 public:
  TokenTrainer(runtime::Runner& runner, const std::vector<Corpus>& corpora,
               const SequenceShape& shape, const TrainingOptions& options)
      : Trainer(runner, std::make_unique<TokenTask>(corpora, shape, options)) {}
};

}  // namespace medlar::train
