#include "runtime/scheduler.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"
#include "base/rng.h"

namespace medlar::runtime {
namespace {

TEST(Scheduler, CutsAPromptToTheStepAndSamplesAtItsEnd) {
  Scheduler scheduler({.step_tokens = 4, .sequences = 2, .pages = 8});
  scheduler.add(1, std::vector<i64>(10, 5), 3);
  for (const auto& [first, count, samples] :
       {std::tuple{0, 4, false}, {4, 4, false}, {8, 2, true}, {10, 1, true}}) {
    const StepPlan plan = scheduler.plan();
    ASSERT_EQ(plan.runs.size(), 1u);
    EXPECT_EQ(plan.runs[0].first, first);
    EXPECT_EQ(plan.runs[0].count, count);
    EXPECT_EQ(plan.runs[0].samples, samples);
    scheduler.commit(plan, {9});
  }
  EXPECT_EQ(scheduler.sequence(1).generated(), 2);
}

TEST(Scheduler, RefusesWhatCanNeverFit) {
  Scheduler scheduler({.step_tokens = 4, .sequences = 2, .pages = 1});
  EXPECT_THROW(scheduler.add(1, std::vector<i64>(60, 5), 5), Error);
  EXPECT_THROW(scheduler.add(1, {}, 5), Error);
  EXPECT_NO_THROW(scheduler.add(1, std::vector<i64>(60, 5), 4));
}

/// Random requests over a small cache: every one gets all its tokens, pages are never shared, the
/// step's budget holds, and the same requests give the same plans.
TEST(Scheduler, HoldsItsPromisesOverRandomTraffic) {
  for (u64 seed = 0; seed < 30; ++seed) {
    const SchedulerLimits limits = {
        .step_tokens = 1 + static_cast<i64>(philox(seed, 1, 0)[0] % 100),
        .sequences = 1 + static_cast<i64>(philox(seed, 2, 0)[0] % 6),
        .pages = 6};
    Scheduler scheduler(limits);
    std::map<i64, i64> wanted;
    std::map<i64, i64> generated;
    i64 next = 0;
    for (i64 step = 0; step < 4000 && (next < 20 || !scheduler.idle()); ++step) {
      if (next < 20 && philox(seed, 3, static_cast<u64>(step))[0] % 3 == 0) {
        const i64 prompt = 1 + static_cast<i64>(philox(seed, 4, static_cast<u64>(next))[0] % 200);
        wanted[next] = 1 + static_cast<i64>(philox(seed, 5, static_cast<u64>(next))[0] % 150);
        scheduler.add(next, std::vector<i64>(static_cast<std::size_t>(prompt), 1), wanted[next]);
        ++next;
      }
      if (scheduler.idle()) continue;
      const StepPlan plan = scheduler.plan();
      ASSERT_FALSE(plan.runs.empty());
      i64 tokens = 0;
      std::set<i64> pages;
      std::set<i64> planned;
      for (const PlannedRun& run : plan.runs) {
        tokens += run.count;
        EXPECT_TRUE(planned.insert(run.sequence).second) << "a sequence is planned twice in a step";
        const Sequence& sequence = scheduler.sequence(run.sequence);
        EXPECT_EQ(run.first, sequence.computed);
        EXPECT_GE(ssize_of(sequence.pages) * 64, run.first + run.count);
        for (const i64 page : sequence.pages)
          EXPECT_TRUE(pages.insert(page).second) << "two sequences share page " << page;
      }
      EXPECT_LE(tokens, limits.step_tokens);
      EXPECT_LE(ssize_of(plan.runs), limits.sequences);
      scheduler.commit(plan, std::vector<i64>(plan.runs.size(), 2));
      for (const PlannedRun& run : plan.runs) {
        if (run.samples && ++generated[run.sequence] == wanted[run.sequence])
          scheduler.remove(run.sequence);
      }
    }
    EXPECT_TRUE(scheduler.idle()) << "seed " << seed << " did not finish";
    EXPECT_EQ(generated, wanted);
  }
}

TEST(BlockPool, HandsOutTheLowestPage) {
  BlockPool pool(3);
  EXPECT_EQ(pool.take(), 0);
  EXPECT_EQ(pool.take(), 1);
  pool.give_back(0);
  EXPECT_EQ(pool.take(), 0);
  EXPECT_EQ(pool.free_pages(), 1);
}

}  // namespace
}  // namespace medlar::runtime
