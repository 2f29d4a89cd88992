#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <exception>

#include "base/error.h"
#include "base/platform.h"

namespace medlar {
namespace {

// About 50 us of polling: longer than the gap between two ops of a decode step, shorter than
// anything a neighbour on the same core would notice.
constexpr int spin_rounds = 4000;

/// Polls, then sleeps, until `value` is no longer `old`.
template <typename T>
void wait_while_equal(const std::atomic<T>& value, T old) {
  for (int i = 0; i < spin_rounds; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(i64 threads) {
  if (threads < 1)
    fail(ErrorCode::invalid_argument, "a thread pool needs at least 1 thread, got {}", threads);
  for (i64 i = 1; i < threads; ++i) workers_.emplace_back([this] { worker_main(); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
}

void ThreadPool::run(i64 count, i64 grain, Trampoline body, const void* context) {
  MEDLAR_CHECK(grain >= 1);
  if (workers_.empty() || count <= grain) {
    if (count > 0) body(context, 0, count);
    return;
  }
  count_ = count;
  grain_ = grain;
  body_ = body;
  context_ = context;
  next_.store(0);
  busy_.store(ssize_of(workers_));
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work();
  for (i64 busy = busy_.load(std::memory_order_acquire); busy != 0;
       busy = busy_.load(std::memory_order_acquire)) {
    wait_while_equal(busy_, busy);
  }
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::work() {
  try {
    for (i64 begin = next_.fetch_add(grain_); begin < count_; begin = next_.fetch_add(grain_)) {
      body_(context_, begin, std::min(begin + grain_, count_));
    }
  } catch (...) {
    if (!failed_.exchange(true)) error_ = std::current_exception();
    next_.store(count_);
  }
}

void ThreadPool::worker_main() {
  u32 seen = 0;
  while (true) {
    wait_while_equal(generation_, seen);
    const u32 now = generation_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    if (now == seen) continue;
    seen = now;
    work();
    if (busy_.fetch_sub(1, std::memory_order_release) == 1) busy_.notify_all();
  }
}

i64 available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace medlar
