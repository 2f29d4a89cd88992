#include "runtime/memory.h"

#include <algorithm>

namespace medlar::runtime {
namespace {

MemoryNeed need_of(Runner& runner, const MemoryQuestion& question) {
  const models::ModelFacts facts = runner.facts();
  MemoryNeed need;
  need.weights = runner.weight_bytes();
  const bool causal = facts.direction == models::Direction::causal;
  const bool ends = !causal || facts.context_ends;
  const i64 context = ends ? std::min(question.context, facts.context) : question.context;
  if (causal)
    need.cache =
        nn::KvCache::bytes(facts.kv, question.requests * ceil_div(context, backend::page_keys));
  const i64 step = std::min(question.step_tokens, context);
  const std::vector<i64> ids(static_cast<std::size_t>(step), 0);
  const TokenInput input = {.ids = ids, .token_types = {}};
  const i64 before = runner.pool().bytes_in_use();
  runner.pool().reset_peak();
  runner.run({&input, 1});
  need.activations = runner.pool().peak_bytes() - before;
  return need;
}

}  // namespace

MemoryNeed memory_need(const formats::Checkpoint& checkpoint, const MemoryQuestion& question) {
  const auto ranks = comm::first_of(question.ranks);
  Runner runner(checkpoint, *ranks, {.isa = "meta", .threads = 1});
  return need_of(runner, question);
}

ModelSize model_size(const Json& config, const ImaginedFormats& imagined,
                     const MemoryQuestion& question) {
  const auto ranks = comm::first_of(question.ranks);
  formats::Checkpoint checkpoint;
  checkpoint.config = config;
  Runner runner(checkpoint, *ranks, {.isa = "meta", .threads = 1, .imagined = imagined});
  return {.parameters = runner.parameter_count(),
          .active = runner.matrix_values(),
          .context = runner.facts().context,
          .memory = need_of(runner, question)};
}

}  // namespace medlar::runtime
