#include "train/sequence_task.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/scores.h"

namespace medlar::train {

std::vector<std::string> labels_of(std::span<const LabelledText> texts) {
  std::set<std::string> labels;
  for (const LabelledText& text : texts) labels.insert(text.label);
  return {labels.begin(), labels.end()};
}

std::vector<TokenSequence> labelled_sequences(const text::Tokenizer& tokenizer,
                                              std::span<const LabelledText> texts,
                                              const std::vector<std::string>& labels, i64 tokens) {
  std::vector<TokenSequence> sequences;
  for (const LabelledText& text : texts) {
    const auto label = std::ranges::find(labels, text.label);
    if (label == labels.end()) continue;
    sequences.push_back(
        {.ids = tokenizer.windows(text.text, tokens, 0).front().ids,
         .targets = {{.column = label - labels.begin(), .first = 0, .count = ssize_of(labels)}}});
  }
  return sequences;
}

SequenceTask::SequenceTask(std::vector<TokenSequence> train, std::vector<TokenSequence> devel,
                           std::vector<std::string> labels, const TrainingOptions& options)
    : Task(options),
      train_(std::move(train)),
      devel_(std::move(devel)),
      labels_(std::move(labels)) {
  if (train_.empty() || labels_.size() < 2)
    fail(ErrorCode::invalid_argument, "texts of at least two labels are needed, not {}",
         labels_.size());
}

std::optional<Score> SequenceTask::measure(runtime::Runner& runner) const {
  if (devel_.empty()) return std::nullopt;
  const std::vector<TokenSequence> devel = first_part(devel_);
  std::vector<Counts> counts(labels_.size());
  for (const std::vector<i64>& batch : batches_in_order(devel, options().batch_tokens)) {
    const models::Outputs outputs = runner.run(inputs_of(devel, batch));
    const float* row = outputs.front().value.f32();
    for (const TokenTarget& wanted : targets_of(devel, batch)) {
      const auto found = std::max_element(row, row + wanted.count) - row;
      ++counts[static_cast<std::size_t>(wanted.column)].wanted;
      ++counts[static_cast<std::size_t>(found)].found;
      if (found == wanted.column) ++counts[static_cast<std::size_t>(found)].right;
      row += wanted.count;
    }
  }
  Json by_label = Json::object();
  double sum = 0.0;
  i64 right = 0;
  for (std::size_t l = 0; l < labels_.size(); ++l) {
    right += counts[l].right;
    if (counts[l].wanted + counts[l].found == 0) continue;
    by_label[labels_[l]] = counts[l].f1();
    sum += counts[l].f1();
  }
  const double macro = sum / static_cast<double>(by_label.size());
  return Score{
      .value = macro,
      .report = {{"devel_f1", by_label},
                 {"mean_f1", macro},
                 {"accuracy", static_cast<double>(right) / static_cast<double>(devel.size())}}};
}

}  // namespace medlar::train
