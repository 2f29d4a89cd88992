#pragma once

#include <map>
#include <vector>

#include "runtime/runner.h"
#include "train/chain_loss.h"
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

/// Token classification by heads, one for each corpus, measured by the mean of their F1. A head
/// with learned transitions is a linear chain: they are where its training begins.
class TokenTask final : public Task {
 public:
  TokenTask(std::vector<Corpus> corpora, const SequenceShape& shape,
            const TrainingOptions& options);

  Epoch plan(i64 epoch) const override;
  Tensor loss(ops::Context& ctx, const Tensor& logits, const std::vector<TokenSequence>& sequences,
              std::span<const i64> batch) const override;
  std::vector<nn::Parameter> parameters() const override;
  Json config(Json begun) const override;
  std::optional<Score> measure(runtime::Runner& runner) const override;

 private:
  runtime::TokenHead head_now(std::size_t corpus) const;
  std::vector<LabelledChain> take_chains(std::vector<TokenTarget>& targets,
                                         const std::vector<TokenSequence>& sequences,
                                         std::span<const i64> batch) const;

  std::vector<Corpus> corpora_;
  SequenceShape shape_;
  Pool pool_{Device::cpu};
  std::map<i64, ChainParameters> chains_;  ///< by the head's first column
};

}  // namespace medlar::train
