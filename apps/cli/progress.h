#pragma once

#include <chrono>
#include <string>

#include "command.h"

namespace medlar::cli {

/// A bar on stderr for work that takes over a second; nothing where stderr is no terminal. The line
/// is cleared at the end. One thread.
class Progress {
 public:
  Progress(const Console& console, std::string label, i64 total)
      : shows_(console.progress && total > 0), label_(std::move(label)), total_(total) {}
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the total, in whatever unit.
  void at(i64 done);

 private:
  using Clock = std::chrono::steady_clock;

  bool shows_;
  std::string label_;
  i64 total_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace medlar::cli
