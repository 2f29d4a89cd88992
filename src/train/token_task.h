#pragma once

#include <vector>

#include "runtime/runner.h"
#include "train/span_score.h"
#include "train/task.h"
#include "train/token_batches.h"

namespace medlar::train {

/// One corpus: what its head learns from and is measured on.
struct Corpus {
  runtime::TokenHead head;
  double share = 1.0;   ///< of its sequences that an epoch takes, others each time
  float weight = 1.0f;  ///< of its tokens in the loss
  std::vector<EncodedSentence> train;
  std::vector<EncodedSentence> devel;
};

/// Spans of the sentences' gold labels against what the model finds, one entry a sentence.
std::vector<TypeCounts> score_sentences(runtime::Runner& runner, const runtime::TokenHead& head,
                                        std::span<const EncodedSentence> sentences,
                                        const SequenceShape& shape);

/// Token classification by heads, one for each corpus, measured by the mean of their F1. The
/// corpora must outlive it.
class TokenTask final : public Task {
 public:
  TokenTask(const std::vector<Corpus>& corpora, const SequenceShape& shape,
            const TrainingOptions& options);

  Epoch plan(i64 epoch) const override;
  std::optional<Score> measure(runtime::Runner& runner) const override;

 private:
  const std::vector<Corpus>& corpora_;
  SequenceShape shape_;
};

}  // namespace medlar::train
