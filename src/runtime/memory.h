#pragma once

#include "formats/checkpoint.h"

namespace medlar::runtime {

/// Bytes that a model takes on one rank.
struct MemoryNeed {
  i64 weights = 0;
  i64 cache = 0;        ///< keys and values of all requests at the full context
  i64 activations = 0;  ///< the peak of one step

  i64 total() const { return weights + cache + activations; }
};

struct MemoryQuestion {
  i64 context = 4096;  ///< tokens of each request
  i64 requests = 1;
  i64 step_tokens = 512;  ///< prompt tokens per step
};

/// Answers by running the model's forward on shapes alone (the meta backend): nothing is loaded.
MemoryNeed memory_need(const formats::Checkpoint& checkpoint, const MemoryQuestion& question);

}  // namespace medlar::runtime
