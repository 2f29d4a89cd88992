#pragma once

#include <filesystem>
#include <vector>

#include "base/json.h"

namespace medlar::train {

/// What a training said of itself: log.jsonl, an object a line, and curves.svg. One thread.
class TrainingLog {
 public:
  /// Goes on with the log of the folder, if it has one.
  explicit TrainingLog(std::filesystem::path folder);

  /// Appends an object with a "step". Throws io.
  void add(const Json& entry);
  /// Forgets what came after a step: a training that was killed goes on from its last save.
  void keep_until(i64 step);
  const std::vector<Json>& entries() const { return entries_; }
  Json last() const { return entries_.empty() ? Json::object() : entries_.back(); }
  /// Writes curves.svg: the loss, on devel too, or F1 of each head, over the steps.
  void draw_curves() const;

 private:
  std::filesystem::path folder_;
  std::vector<Json> entries_;
};

}  // namespace medlar::train
