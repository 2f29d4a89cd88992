#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "base/types.h"

namespace medlar {

/// A fixed team of threads for fork-join loops. The calling thread is one of them. Idle workers
/// spin for some tens of microseconds, then sleep, so that a shared core is not burnt between
/// steps. One caller at a time; loops do not nest.
class ThreadPool {
 public:
  /// threads >= 1; 1 means that everything runs on the caller.
  explicit ThreadPool(i64 threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  i64 size() const { return ssize_of(workers_) + 1; }

  /// Calls body(begin, end) over disjoint ranges that cover [0, count), `grain` items at a time, in
  /// any order and on any thread. The result must not depend on which thread runs what. The first
  /// exception of a body is rethrown here after all threads stopped.
  template <typename Body>
  void parallel_for(i64 count, i64 grain, const Body& body) {
    const auto call = [](const void* context, i64 begin, i64 end) {
      (*static_cast<const Body*>(context))(begin, end);
    };
    run(count, grain, call, &body);
  }

 private:
  using Trampoline = void (*)(const void* context, i64 begin, i64 end);

  void run(i64 count, i64 grain, Trampoline body, const void* context);
  void work();
  void worker_main();

  std::vector<std::jthread> workers_;
  std::atomic<u32> generation_{0};  ///< raised once for each loop; the wake-up signal
  std::atomic<bool> stopping_{false};
  std::atomic<i64> next_{0};
  std::atomic<i64> busy_{0};
  std::atomic<bool> failed_{false};
  i64 count_ = 0;
  i64 grain_ = 1;
  Trampoline body_ = nullptr;
  const void* context_ = nullptr;
  std::exception_ptr error_;
};

/// Processors that this process may run on, at least 1.
i64 available_processors();

}  // namespace medlar
