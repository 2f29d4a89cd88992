#pragma once

#include "formats/checkpoint.h"
#include "runtime/runner.h"

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
  i64 ranks = 1;          ///< that share the model; the answer is for one of them
};

/// What a configuration alone says of a model.
struct ModelSize {
  i64 parameters = 0;
  i64 active = 0;  ///< multiplied for every token
  i64 context = 0;
  MemoryNeed memory;
};

/// Answers by running the model's forward on shapes alone (the meta backend): nothing is loaded.
MemoryNeed memory_need(const formats::Checkpoint& checkpoint, const MemoryQuestion& question);

/// The same for a model that is not there, from its config.json; parameters are those of one rank.
ModelSize model_size(const Json& config, const ImaginedFormats& imagined,
                     const MemoryQuestion& question);

}  // namespace medlar::runtime
