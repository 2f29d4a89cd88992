#include "runtime/runner.h"

#include "base/error.h"
#include "models/config.h"

namespace medlar::runtime {
namespace {

Tensor indices(Pool& pool, const std::vector<i64>& values) {
  return Tensor::of(pool, {ssize_of(values)}, std::span<const i64>(values));
}

}  // namespace

Runner::Runner(const formats::Checkpoint& checkpoint, comm::Comm& comm,
               const RunnerOptions& options)
    : kernels_(&backend::kernels_named(options.isa)),
      threads_(options.threads),
      pool_(options.isa == "meta" ? Device::meta : Device::cpu),
      comm_(&comm),
      config_(models::model_config(checkpoint)),
      family_(&models::family_of(config_)) {
  ops::Context ctx = context();
  const nn::Weights weights(ctx, {.checkpoint = &checkpoint,
                                  .rules = family_->rules,
                                  .training = options.training,
                                  .loaded = options.loaded});
  model_ = family_->make(config_, weights);
  traffic_ = weights.traffic();
  parameters_ = weights.parameters();
  unused_ = weights.unused();
}

void Runner::check_ids(std::span<const i64> ids) const {
  const i64 vocabulary = model_->facts().vocabulary;
  for (const i64 id : ids) {
    if (id < 0 || id >= vocabulary) {
      fail(ErrorCode::invalid_argument, "token id {} is outside the model's {} embedding rows", id,
           vocabulary);
    }
  }
}

models::Outputs Runner::run(std::span<const TokenInput> inputs, const ops::Observer* observer,
                            ops::Tape* tape) {
  std::vector<i64> ids;
  std::vector<i64> positions;
  std::vector<i64> types;
  std::vector<i64> words;
  std::vector<i64> globals;
  std::vector<i64> starts = {0};
  const models::ModelFacts facts = model_->facts();
  for (const TokenInput& input : inputs) {
    check_ids(input.ids);
    if (input.ids.empty()) fail(ErrorCode::invalid_argument, "an input without tokens");
    for (const std::span<const i64> row : {input.token_types, input.words, input.global_tokens}) {
      if (!row.empty() && row.size() != input.ids.size()) {
        fail(ErrorCode::shape_mismatch, "an input of {} tokens with marks for {}", input.ids.size(),
             row.size());
      }
    }
    if (facts.direction == models::Direction::bidirectional &&
        ssize_of(input.ids) > facts.context) {
      fail(ErrorCode::limit_exceeded, "{} tokens are over the model's limit of {}",
           input.ids.size(), facts.context);
    }
    for (std::size_t i = 0; i < input.ids.size(); ++i) {
      ids.push_back(input.ids[i]);
      positions.push_back(static_cast<i64>(i));
      types.push_back(input.token_types.empty() ? 0 : input.token_types[i]);
      words.push_back(input.words.empty() ? 1 : input.words[i]);
      globals.push_back(input.global_tokens.empty() ? -1 : input.global_tokens[i]);
    }
    starts.push_back(ssize_of(ids));
  }
  ops::Context ctx = context();
  ctx.observer = observer;
  ctx.tape = tape;
  const nn::Batch batch = {.ids = indices(pool_, ids),
                           .positions = indices(pool_, positions),
                           .token_types = indices(pool_, types),
                           .global_tokens = indices(pool_, globals),
                           .words = indices(pool_, words),
                           .starts = std::move(starts),
                           .logit_rows = std::nullopt,
                           .slots = std::nullopt,
                           .sequences = {}};
  return model_->forward(ctx, batch, nn::KvCache());
}

models::Outputs Runner::run_chunked(std::span<const i64> ids, i64 chunk,
                                    const ops::Observer* observer) {
  const models::ModelFacts facts = model_->facts();
  if (facts.direction != models::Direction::causal) {
    fail(ErrorCode::unsupported, "only causal models can run in chunks");
  }
  const i64 pages = ceil_div(ssize_of(ids), backend::page_keys);
  Scheduler scheduler({.step_tokens = chunk, .sequences = 1, .pages = pages});
  const nn::KvCache cache(pool_, facts.kv, pages);
  scheduler.add(0, {ids.begin(), ids.end()}, 0);
  std::vector<std::vector<float>> values;
  models::Outputs outputs;
  for (i64 done = 0; done < ssize_of(ids);) {
    const StepPlan plan = scheduler.plan();
    outputs = run_cached(plan, scheduler, cache, true, observer);
    values.resize(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::span<const float> rows = outputs[i].value.values();
      values[i].insert(values[i].end(), rows.begin(), rows.end());
    }
    done += plan.runs.front().count;
    scheduler.commit(plan, {0});
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const i64 width = outputs[i].value.size(-1);
    outputs[i].value = Tensor::of(pool_, {ssize_of(ids), width}, std::span<const float>(values[i]));
  }
  return outputs;
}

Tensor Runner::run_step(const StepPlan& plan, const Scheduler& scheduler,
                        const nn::KvCache& cache) {
  return run_cached(plan, scheduler, cache, false, nullptr).front().value;
}

models::Outputs Runner::run_cached(const StepPlan& plan, const Scheduler& scheduler,
                                   const nn::KvCache& cache, bool all_rows,
                                   const ops::Observer* observer) {
  std::vector<i64> ids;
  std::vector<i64> positions;
  std::vector<i64> slots;
  std::vector<i64> rows;
  std::vector<i64> starts = {0};
  std::vector<backend::AttentionSequence> sequences;
  for (const PlannedRun& run : plan.runs) {
    const Sequence& sequence = scheduler.sequence(run.sequence);
    const std::span<const i64> tokens =
        std::span(sequence.tokens)
            .subspan(static_cast<std::size_t>(run.first), static_cast<std::size_t>(run.count));
    check_ids(tokens);
    sequences.push_back({.first_row = ssize_of(ids),
                         .rows = run.count,
                         .first_position = run.first,
                         .keys = run.first + run.count,
                         .pages = sequence.pages.data()});
    for (i64 i = run.first; i < run.first + run.count; ++i) {
      ids.push_back(sequence.tokens[static_cast<std::size_t>(i)]);
      positions.push_back(i);
      slots.push_back(sequence.pages[static_cast<std::size_t>(i / backend::page_keys)] *
                          backend::page_keys +
                      i % backend::page_keys);
    }
    starts.push_back(ssize_of(ids));
    if (run.samples) rows.push_back(ssize_of(ids) - 1);
  }
  ops::Context ctx = context();
  ctx.observer = observer;
  const nn::Batch batch = {
      .ids = indices(pool_, ids),
      .positions = indices(pool_, positions),
      .token_types = std::nullopt,
      .global_tokens = std::nullopt,
      .words = std::nullopt,
      .starts = std::move(starts),
      .logit_rows = all_rows ? std::nullopt : std::optional(indices(pool_, rows)),
      .slots = indices(pool_, slots),
      .sequences = std::move(sequences)};
  return model_->forward(ctx, batch, cache);
}

}  // namespace medlar::runtime
