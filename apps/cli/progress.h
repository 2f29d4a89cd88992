#pragma once

#include <chrono>
#include <string>

#include "command.h"

namespace medlar::cli {

/// A bar on stderr for work that takes over a second; nothing where stderr is no terminal. The line
/// is cleared at the end. One thread.
class Progress {
 public:
  Progress(const Console& console, std::string label)
      : shows_(console.progress), label_(std::move(label)) {}
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total`, in whatever unit.
  void at(i64 done, i64 total);

 private:
  using Clock = std::chrono::steady_clock;

  bool shows_;
  std::string label_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace medlar::cli
