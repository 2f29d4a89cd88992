#pragma once

#include <map>
#include <optional>
#include <vector>

#include "nn/kv_cache.h"
#include "runtime/runner.h"
#include "runtime/sampler.h"
#include "runtime/scheduler.h"

namespace medlar::runtime {

/// What a caller wants generated.
struct GenerateRequest {
  std::vector<i64> prompt;
  i64 max_tokens = 256;
  SamplingParameters sampling;
  std::vector<i64> stop_ids;  ///< end the text; not part of it
  std::optional<ImageInput> images = std::nullopt;
};

enum class Finish { none, stop, length };

/// One generated token.
struct TokenEvent {
  i64 request = 0;
  i64 id = 0;
  Finish finish = Finish::none;
};

struct EngineLimits {
  i64 cache_tokens = 4096;  ///< tokens that the cache holds, over all requests
  i64 step_tokens = 512;    ///< of prompts and decoding in one step
  i64 sequences = 64;
};

/// The one loop: plan, batch, run, sample, commit. Requests may come and go between steps; what a
/// request gets depends on nothing but itself. One thread; with several ranks each runs the same
/// loop.
class Engine {
 public:
  /// The runner must outlive the engine. Throws unsupported for a model that does not generate.
  Engine(Runner& runner, const EngineLimits& limits);

  /// Queues a request, after running its pictures, and returns its number. Throws
  /// invalid_argument, limit_exceeded, and unsupported for pictures that the model cannot take.
  i64 submit(GenerateRequest request);
  /// Runs one step and returns the new tokens, at most one a request.
  std::vector<TokenEvent> step();
  /// Drops a request; its pages are free after the next step at the latest.
  void cancel(i64 request);
  bool idle() const { return scheduler_.idle(); }

 private:
  struct Running {
    SamplingParameters sampling;
    std::vector<i64> stop_ids;
    i64 max_tokens;
  };
  Finish finish_of(const Running& running, i64 id, i64 generated) const;
  void clear_released_pages();

  Runner& runner_;
  Scheduler scheduler_;
  nn::KvCache cache_;
  std::map<i64, Running> running_;
  std::map<i64, PromptImages> images_;  ///< of requests that have any
  i64 next_request_ = 0;
};

/// Greedy or sampled continuation of one prompt, whole.
std::vector<i64> generate(Runner& runner, GenerateRequest request, i64 step_tokens = 512);

}  // namespace medlar::runtime
