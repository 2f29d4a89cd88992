#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/runner.h"
#include "train/adamw.h"
#include "train/distillation.h"
#include "train/lora.h"
#include "train/task.h"

namespace medlar::train {

/// Fine-tunes a trainable model for a task. Everything that is drawn at random is a
/// function of seed, epoch and step, every sum has a fixed order: a run gives the same bits at any
/// number of threads, and when it is stopped and resumed. In `folder`:
///   state.safetensors  parameters and moments of the last save, to go on from
///   best/              the model, or its adapter, that did best on devel so far (last/ where there
///                      is no devel)
///   log.jsonl          an object for each progress report and each evaluation
///   curves.svg         loss and scores over the steps
/// The runner must outlive it. One thread.
class Trainer {
 public:
  /// teacher: whose outputs are learnt from beside the task; none where null.
  Trainer(runtime::Runner& runner, std::unique_ptr<const Task> task,
          std::unique_ptr<const Teacher> teacher = nullptr);

  /// Where results go.
  struct Output {
    std::filesystem::path folder;
    std::filesystem::path tokenizer;            ///< whose files go beside the model
    Json config;                                ///< of the model
    std::optional<AdapterOutput> adapter = {};  ///< instead of the whole model
    std::function<void(const Json&)> report = [](const Json&) {};
    std::function<bool()> stop = [] { return false; };  ///< asked after each step
  };

  /// Trains to the end, or until `stop` says so, from the folder's state if it has one. Returns the
  /// last report. Throws failed_check where the loss is no number.
  Json run(const Output& output);

  /// One step of the optimizer on these sequences; the mean loss.
  double step(const std::vector<TokenSequence>& sequences,
              std::span<const std::vector<i64>> batches, double learning_rate);

  i64 steps_done() const { return steps_done_; }

 private:
  struct Session;

  Tensor loss(ops::Context& ctx, const std::vector<TokenSequence>& sequences,
              std::span<const i64> batch);
  i64 steps_of(const Epoch& epoch) const;
  bool run_epoch(Session& session, i64 epoch);
  void report_progress(Session& session, i64 epoch);
  bool judge(Session& session, i64 epoch);
  void write(const Session& session, const char* name) const;
  void save(const Session& session) const;
  void resume(Session& session);

  runtime::Runner& runner_;
  std::unique_ptr<const Task> task_;
  std::unique_ptr<const Teacher> teacher_;
  TrainingOptions options_;
  AdamW optimizer_;
  ops::Tape tape_;
  i64 steps_done_ = 0;
};

}  // namespace medlar::train
