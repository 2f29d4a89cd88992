#include "runtime/memory.h"

#include <algorithm>

#include "runtime/runner.h"

namespace medlar::runtime {

MemoryNeed memory_need(const formats::Checkpoint& checkpoint, const MemoryQuestion& question) {
  const auto alone = comm::solo();
  Runner runner(checkpoint, *alone, {.isa = "meta", .threads = 1});
  const models::ModelFacts facts = runner.facts();
  MemoryNeed need;
  need.weights = runner.weight_bytes();
  const bool causal = facts.direction == models::Direction::causal;
  const i64 context = causal ? question.context : std::min(question.context, facts.context);
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

}  // namespace medlar::runtime
