#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "train/task.h"
#include "train/texts.h"

namespace medlar::train {

/// The labels that occur, sorted.
std::vector<std::string> labels_of(std::span<const LabelledText> texts);

/// One sequence and one target for each text, cut where it is longer than `tokens`. A text with
/// another label is left out.
std::vector<TokenSequence> labelled_sequences(const text::Tokenizer& tokenizer,
                                              std::span<const LabelledText> texts,
                                              const std::vector<std::string>& labels, i64 tokens);

/// The label of a text, measured by the mean of the labels' F1 (macro F1: labels that neither occur
/// nor are found do not count).
class SequenceTask final : public Task {
 public:
  SequenceTask(std::vector<TokenSequence> train, std::vector<TokenSequence> devel,
               std::vector<std::string> labels, const TrainingOptions& options);

  Epoch plan(i64 epoch) const override { return shuffled_epoch(train_, epoch); }
  std::optional<Score> measure(runtime::Runner& runner) const override;

 private:
  std::vector<TokenSequence> train_;
  std::vector<TokenSequence> devel_;
  std::vector<std::string> labels_;
};

}  // namespace medlar::train
