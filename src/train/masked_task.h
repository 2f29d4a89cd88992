#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "train/task.h"
#include "train/token_batches.h"

namespace medlar::train {

/// What a masked-language model learns from.
struct MaskedCorpus {
  std::vector<EncodedSentence> train;  ///< pieces of texts
  std::vector<EncodedSentence> devel;
  SequenceShape shape;
  i64 mask = 0;        ///< the token that hides another
  i64 vocabulary = 0;  ///< columns of the logits
};

/// Texts as pieces that fit into a sequence. Throws unsupported for a tokenizer without a mask.
MaskedCorpus masked_corpus(const text::Tokenizer& tokenizer, std::span<const std::string> train,
                           std::span<const std::string> devel, i64 sequence_tokens, i64 vocabulary);

/// Masked-language modelling (Devlin et al. 2019, arXiv 1810.04805, section 3.1): of the tokens 15
/// % are to be guessed, at least one of a sequence; 80 % of those are masked, 10 % exchanged for
/// any token, 10 % stay. An epoch hides others; on devel they are always the same.
class MaskedTask final : public Task {
 public:
  MaskedTask(MaskedCorpus corpus, const TrainingOptions& options);

  Epoch plan(i64 epoch) const override;
  std::optional<Score> measure(runtime::Runner& runner) const override;

 private:
  std::vector<TokenSequence> masked(std::span<const EncodedSentence> texts, i64 skip,
                                    u64 stream) const;

  MaskedCorpus corpus_;
};

}  // namespace medlar::train
