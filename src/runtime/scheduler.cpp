#include "runtime/scheduler.h"

#include <algorithm>
#include <utility>

#include "backend/kernels.h"
#include "base/error.h"

namespace medlar::runtime {
namespace {

i64 pages_for(i64 tokens) { return ceil_div(tokens, backend::page_keys); }

}  // namespace

Scheduler::Scheduler(SchedulerLimits limits) : limits_(limits), pool_(limits.pages) {
  MEDLAR_CHECK(limits.step_tokens >= 1 && limits.sequences >= 1);
}

void Scheduler::add(i64 id, std::vector<i64> prompt, i64 max_tokens) {
  if (prompt.empty())
    fail(ErrorCode::invalid_argument, "a request needs at least one prompt token");
  const i64 total = ssize_of(prompt) + max_tokens;
  if (pages_for(total) > pool_.pages()) {
    fail(ErrorCode::limit_exceeded,
         "{} prompt tokens and {} new ones do not fit a cache of {} tokens", prompt.size(),
         max_tokens, pool_.pages() * backend::page_keys);
  }
  Sequence sequence;
  sequence.id = id;
  sequence.prompt_tokens = ssize_of(prompt);
  sequence.tokens = std::move(prompt);
  sequence.max_tokens = max_tokens;
  waiting_.push_back(std::move(sequence));
}

StepPlan Scheduler::plan() {
  StepPlan plan;
  i64 budget = limits_.step_tokens;
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    // Older requests keep their pages at the cost of younger ones.
    while (!plan_run(plan, running_[i], budget) && running_.size() > i + 1) preempt_youngest();
  }
  while (!waiting_.empty() && budget > 0 && ssize_of(running_) < limits_.sequences) {
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    if (!plan_run(plan, running_.back(), budget)) {
      preempt_youngest();
      break;
    }
  }
  MEDLAR_CHECK(idle() || !plan.runs.empty());
  return plan;
}

/// False where there are no pages for even a part of what is next.
bool Scheduler::plan_run(StepPlan& plan, Sequence& sequence, i64& budget) {
  const i64 count = std::min(ssize_of(sequence.tokens) - sequence.computed, budget);
  MEDLAR_CHECK(count >= 1);
  if (!reserve(sequence, sequence.computed + count)) return false;
  plan.runs.push_back({.sequence = sequence.id,
                       .first = sequence.computed,
                       .count = count,
                       .samples = sequence.computed + count == ssize_of(sequence.tokens)});
  budget -= count;
  return true;
}

bool Scheduler::reserve(Sequence& sequence, i64 tokens) {
  const i64 missing = pages_for(tokens) - ssize_of(sequence.pages);
  if (missing > pool_.free_pages()) return false;
  for (i64 i = 0; i < missing; ++i) sequence.pages.push_back(pool_.take());
  return true;
}

void Scheduler::release(Sequence& sequence) {
  for (const i64 page : sequence.pages) {
    pool_.give_back(page);
    released_.push_back(page);
  }
  sequence.pages.clear();
  sequence.computed = 0;
}

void Scheduler::preempt_youngest() {
  release(running_.back());
  waiting_.push_front(std::move(running_.back()));
  running_.pop_back();
}

void Scheduler::commit(const StepPlan& plan, const std::vector<i64>& sampled) {
  MEDLAR_CHECK(sampled.size() == plan.runs.size());
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const PlannedRun& run = plan.runs[i];
    const auto found = std::ranges::find(running_, run.sequence, &Sequence::id);
    if (found == running_.end()) continue;
    found->computed = run.first + run.count;
    if (run.samples) found->tokens.push_back(sampled[i]);
  }
}

void Scheduler::remove(i64 id) {
  if (const auto found = std::ranges::find(running_, id, &Sequence::id); found != running_.end()) {
    release(*found);
    running_.erase(found);
  } else if (const auto queued = std::ranges::find(waiting_, id, &Sequence::id);
             queued != waiting_.end()) {
    waiting_.erase(queued);
  }
}

const Sequence& Scheduler::sequence(i64 id) const {
  const auto found = std::ranges::find(running_, id, &Sequence::id);
  MEDLAR_CHECK(found != running_.end());
  return *found;
}

std::vector<i64> Scheduler::take_released() { return std::exchange(released_, {}); }

}  // namespace medlar::runtime
