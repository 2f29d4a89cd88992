#pragma once

#include <deque>
#include <vector>

#include "base/types.h"
#include "runtime/block_pool.h"

namespace medlar::runtime {

/// A request on its way: prompt and generated tokens, how many of them the cache holds, and where.
struct Sequence {
  i64 id = 0;
  std::vector<i64> tokens;
  i64 prompt_tokens = 0;
  i64 max_tokens = 0;  ///< to generate
  i64 computed = 0;    ///< tokens whose keys and values are in the cache
  std::vector<i64> pages;

  i64 generated() const { return ssize_of(tokens) - prompt_tokens; }
};

/// A stretch of one sequence to run in a step.
struct PlannedRun {
  i64 sequence = 0;  ///< id
  i64 first = 0;     ///< index of its first token
  i64 count = 0;
  bool samples =
      false;  ///< the last token of the stretch is the last known: its logits give the next
};

struct StepPlan {
  std::vector<PlannedRun> runs;
};

struct SchedulerLimits {
  i64 step_tokens = 512;  ///< tokens of a step: prompts are cut to chunks of at most this
  i64 sequences = 64;     ///< running at once
  i64 pages = 0;          ///< of 64 tokens, in the cache
};

/// Decides what each step runs: waiting requests are admitted in order of arrival, running ones
/// decode one token a step, prompts go in chunks within the step's budget; when pages run out the
/// youngest request goes back to wait and is computed anew later, with the same bits. Pure: no
/// clock, no device, no randomness.
class Scheduler {
 public:
  explicit Scheduler(SchedulerLimits limits);

  /// Throws limit_exceeded when the request can never fit the cache, invalid_argument for an empty
  /// prompt.
  void add(i64 id, std::vector<i64> prompt, i64 max_tokens);
  /// What to run next; empty when nothing is left.
  StepPlan plan();
  /// The planned runs are computed; sampled[i] is the next token of runs[i] where it samples.
  void commit(const StepPlan& plan, const std::vector<i64>& sampled);
  /// Takes a request out, finished or not. Unknown ids are ignored.
  void remove(i64 id);

  const Sequence& sequence(i64 id) const;
  bool idle() const { return running_.empty() && waiting_.empty(); }
  /// Pages given back since the last call: to be zeroed before anyone else uses them.
  std::vector<i64> take_released();

 private:
  bool reserve(Sequence& sequence, i64 tokens);
  void release(Sequence& sequence);
  void preempt_youngest();
  bool plan_run(StepPlan& plan, Sequence& sequence, i64& budget);

  SchedulerLimits limits_;
  BlockPool pool_;
  std::deque<Sequence> waiting_;
  std::deque<Sequence> running_;  ///< oldest first
  std::vector<i64> released_;
};

}  // namespace medlar::runtime
