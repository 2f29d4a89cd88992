#include "train/causal_task.h"

#include "base/error.h"

namespace medlar::train {

CausalTask::CausalTask(std::vector<TokenSequence> train, std::vector<TokenSequence> devel,
                       const TrainingOptions& options)
    : Task(options), train_(std::move(train)), devel_(std::move(devel)) {
  if (train_.empty()) fail(ErrorCode::invalid_argument, "no tokens to learn from");
}

std::optional<Score> CausalTask::measure(runtime::Runner& runner) const {
  if (devel_.empty()) return std::nullopt;
  return language_score(mean_loss(runner, first_part(devel_), options().batch_tokens));
}

}  // namespace medlar::train
