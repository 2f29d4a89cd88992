#include "train/token_task.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "ops/ops.h"

namespace medlar::train {
namespace {

constexpr i64 devel_batch_tokens = 4096;

/// Rows of the words of the sentence that part `p` of a sequence is, whose first row is
/// `first_row`; words that a cut left out have none.
std::vector<i64> word_rows(const TokenSequence& sequence, std::size_t p,
                           const EncodedSentence& sentence, i64 first_row) {
  const i64 begin = sequence.parts[p].first;
  const i64 end =
      p + 1 < sequence.parts.size() ? sequence.parts[p + 1].first : ssize_of(sequence.ids);
  std::vector<i64> rows;
  for (const i64 at : sentence.word_at) {
    if (begin + at < end) rows.push_back(first_row + begin + at);
  }
  return rows;
}

}  // namespace

std::vector<TypeCounts> score_sentences(runtime::Runner& runner, const runtime::TokenHead& head,
                                        std::span<const EncodedSentence> sentences,
                                        const SequenceShape& shape) {
  const std::vector<TokenSequence> sequences = pack_sentences(sentences, head, shape);
  std::vector<TypeCounts> counts;
  for (const std::vector<i64>& batch : batches_in_order(sequences, devel_batch_tokens)) {
    const models::Outputs outputs = runner.run(inputs_of(sequences, batch));
    const Tensor& logits = outputs.front().value;
    i64 row = 0;
    for (const i64 place : batch) {
      const TokenSequence& sequence = sequences[static_cast<std::size_t>(place)];
      for (std::size_t p = 0; p < sequence.parts.size(); ++p) {
        const auto& sentence = sentences[static_cast<std::size_t>(sequence.parts[p].text)];
        const auto found =
            runtime::spans_of_head(head, {.values = logits.values(),
                                          .columns = logits.size(1),
                                          .rows = word_rows(sequence, p, sentence, row)});
        counts.push_back(compare_spans(found, runtime::spans_of_labels(sentence.labels)));
      }
      row += ssize_of(sequence.ids);
    }
  }
  return counts;
}

TokenTask::TokenTask(std::vector<Corpus> corpora, const SequenceShape& shape,
                     const TrainingOptions& options)
    : Task(options), corpora_(std::move(corpora)), shape_(shape) {
  for (const Corpus& corpus : corpora_) {
    if (corpus.head.learned)
      chains_.emplace(corpus.head.first, ChainParameters(pool_, *corpus.head.learned));
  }
}

/// The head of a corpus with the transitions that it has learned so far.
runtime::TokenHead TokenTask::head_now(std::size_t corpus) const {
  runtime::TokenHead head = corpora_[corpus].head;
  if (head.learned) head.learned = chains_.at(head.first).values();
  return head;
}

std::vector<nn::Parameter> TokenTask::parameters() const {
  std::vector<nn::Parameter> all;
  for (const Corpus& corpus : corpora_) {
    if (!corpus.head.learned) continue;
    for (const nn::Parameter& own : chains_.at(corpus.head.first).named(corpus.head.name))
      all.push_back(own);
  }
  return all;
}

Json TokenTask::config(Json begun) const {
  if (chains_.empty()) return begun;
  begun["medlar_heads"] = Json::array();
  for (std::size_t c = 0; c < corpora_.size(); ++c)
    begun["medlar_heads"].push_back(runtime::to_json(head_now(c)));
  return begun;
}

/// Chains of the sequences whose heads have transitions; their tokens leave the targets.
std::vector<LabelledChain> TokenTask::take_chains(std::vector<TokenTarget>& targets,
                                                  const std::vector<TokenSequence>& sequences,
                                                  std::span<const i64> batch) const {
  std::vector<LabelledChain> chains;
  std::size_t row = 0;
  for (const i64 place : batch) {
    LabelledChain chain;
    const std::size_t end = row + sequences[static_cast<std::size_t>(place)].targets.size();
    for (; row < end; ++row) {
      TokenTarget& target = targets[row];
      const auto found = target.column < 0 ? chains_.end() : chains_.find(target.first);
      if (found == chains_.end()) continue;
      chain.parameters = &found->second;
      chain.first = target.first;
      chain.weight = target.weight;
      chain.rows.push_back(static_cast<i64>(row));
      chain.labels.push_back(target.column - target.first);
      target.column = -1;
    }
    if (!chain.rows.empty()) chains.push_back(std::move(chain));
  }
  return chains;
}

/// Heads without transitions have the loss of single tokens, the others that of chains; together
/// the mean over all tokens.
Tensor TokenTask::loss(ops::Context& ctx, const Tensor& logits,
                       const std::vector<TokenSequence>& sequences,
                       std::span<const i64> batch) const {
  std::vector<TokenTarget> targets = targets_of(sequences, batch);
  const std::vector<LabelledChain> chains = take_chains(targets, sequences, batch);
  if (chains.empty()) return Task::loss(ctx, logits, sequences, batch);
  const Tensor of_chains = chain_loss(ctx, logits, chains);
  const double tokens = weight_of(targets);
  if (tokens == 0.0) return of_chains;
  const Tensor of_tokens = token_loss(ctx, logits, targets, options().label_smoothing);
  const double share = tokens / (tokens + weight_of(chains));
  return ops::add(ctx, ops::scale(ctx, of_tokens, static_cast<float>(share)),
                  ops::scale(ctx, of_chains, static_cast<float>(1.0 - share)));
}

Epoch TokenTask::plan(i64 epoch) const {
  const u64 seed = options().seed;
  Epoch plan;
  for (std::size_t c = 0; c < corpora_.size(); ++c) {
    const Corpus& corpus = corpora_[c];
    if (corpus.train.empty()) continue;
    const auto number = static_cast<i64>(c);
    const u32 drawn = philox(seed, stream_of(Stream::skip, epoch, number), 0)[0];
    const i64 skip = static_cast<i64>(u64{drawn} * corpus.train.size() >> 32);
    std::vector<TokenSequence> all = pack_sentences(corpus.train, corpus.head, shape_, skip);
    const auto kept =
        static_cast<std::size_t>(std::ceil(corpus.share * static_cast<double>(all.size())));
    std::vector<i64> order = shuffled(ssize_of(all), seed, stream_of(Stream::share, epoch, number));
    order.resize(std::min(order.size(), kept));
    for (const i64 place : order) {
      TokenSequence& sequence = all[static_cast<std::size_t>(place)];
      for (TokenTarget& target : sequence.targets) target.weight = corpus.weight;
      plan.sequences.push_back(std::move(sequence));
    }
  }
  plan.batches =
      draw_batches(plan.sequences, options().batch_tokens, seed, stream_of(Stream::order, epoch));
  return plan;
}

std::optional<Score> TokenTask::measure(runtime::Runner& runner) const {
  Json heads = Json::object();
  double sum = 0.0;
  i64 counted = 0;
  for (std::size_t c = 0; c < corpora_.size(); ++c) {
    const Corpus& corpus = corpora_[c];
    if (corpus.devel.empty()) continue;
    const auto devel = first_part(corpus.devel);
    const double f1 = total_of(score_sentences(runner, head_now(c), devel, shape_)).f1();
    heads[corpus.head.name] = f1;
    sum += f1;
    ++counted;
  }
  if (counted == 0) return std::nullopt;
  const double mean = sum / static_cast<double>(counted);
  return Score{.value = mean, .report = {{"devel_f1", heads}, {"mean_f1", mean}}};
}

}  // namespace medlar::train
