#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "runtime/runner.h"
#include "train/adamw.h"
#include "train/span_score.h"
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

/// Whether a state may be gone on with by a training of another length, whose learning rate holds
/// from there on.
enum class OtherLength { refused, taken };

struct TrainingOptions {
  i64 epochs = 3;
  i64 steps = 0;              ///< the end, where all epochs would be more; 0: none
  i64 batch_tokens = 1024;    ///< of one pass forward and back
  i64 accumulate = 1;         ///< passes for each step of the optimizer
  i64 sequence_tokens = 128;  ///< sentences share sequences up to this
  double learning_rate = 3e-4;
  double warmup = 0.06;  ///< share of the steps; from 1 on, steps
  Decay decay = Decay::linear;
  double falling = 1.0;  ///< last share of the steps after the warm-up, in which the rate falls
  double clip = 1.0;     ///< largest global norm of the gradient
  float dropout = 0.1f;
  float label_smoothing = 0.0f;
  AdamWOptions adamw = {};
  u64 seed = 1;
  i64 evaluations = 1;       ///< on devel, in each epoch
  double devel_share = 1.0;  ///< of the sentences of devel that these take, the first ones
  i64 patience = 0;  ///< evaluations without a better mean F1 before training stops; 0: never
  double save_minutes = 10.0;
  OtherLength other_length = OtherLength::refused;
};

/// F1 on devel by head, and their mean, which decides which model is the best.
struct DevelScores {
  std::vector<Counts> heads;
  double mean_f1 = 0.0;
};

/// Spans of the sentences' gold labels against what the model finds, one entry a sentence.
std::vector<TypeCounts> score_sentences(runtime::Runner& runner, const runtime::TokenHead& head,
                                        std::span<const EncodedSentence> sentences,
                                        const SequenceShape& shape);

/// Fine-tunes a trainable token classifier with heads. Everything that is drawn at random is a
/// function of seed, epoch and step, every sum has a fixed order: a run gives the same bits at any
/// number of threads, and when it is stopped and resumed. In `folder`:
///   state.safetensors  parameters and moments of the last save, to go on from
///   best/              the model with the best mean F1 so far (last/ where there is no devel)
///   log.jsonl          an object for each progress report and each evaluation
///   curves.svg         loss and F1 over the steps
/// The runner and the corpora must outlive it. One thread.
class TokenTrainer {
 public:
  TokenTrainer(runtime::Runner& runner, const std::vector<Corpus>& corpora,
               const SequenceShape& shape, const TrainingOptions& options);

  /// Where results go.
  struct Output {
    std::filesystem::path folder;
    std::filesystem::path tokenizer;  ///< whose files go beside the model
    Json config;                      ///< of the model
    std::function<void(const Json&)> report = [](const Json&) {};
    std::function<bool()> stop = [] { return false; };  ///< asked after each step
  };

  /// Trains to the end, or until `stop` says so, from the folder's state if it has one. Returns the
  /// last report. Throws failed_check where the loss is no number.
  Json run(const Output& output);

  /// One step of the optimizer on these sequences; the mean loss.
  double step(const std::vector<TokenSequence>& sequences,
              std::span<const std::vector<i64>> batches, double learning_rate);

  DevelScores evaluate();
  i64 steps_done() const { return steps_done_; }

 private:
  struct Epoch {
    std::vector<TokenSequence> sequences;
    std::vector<std::vector<i64>> batches;
  };
  struct Session;

  Epoch plan_epoch(i64 epoch) const;
  i64 steps_of(const Epoch& epoch) const;
  bool run_epoch(Session& session, i64 epoch);
  void report_progress(Session& session, i64 epoch);
  bool judge(Session& session, i64 epoch);
  void save(const Session& session) const;
  void resume(Session& session);

  runtime::Runner& runner_;
  const std::vector<Corpus>& corpora_;
  SequenceShape shape_;
  TrainingOptions options_;
  AdamW optimizer_;
  ops::Tape tape_;
  i64 steps_done_ = 0;
};

}  // namespace medlar::train
