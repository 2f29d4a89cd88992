#include "runtime/runner.h"

#include <algorithm>
#include <deque>

#include "base/error.h"
#include "models/config.h"

namespace medlar::runtime {
namespace {

Tensor indices(Pool& pool, const std::vector<i64>& values) {
  return Tensor::of(pool, {ssize_of(values)}, std::span<const i64>(values));
}

/// A mark for each token of all inputs, `usual` for those of an input that has none; nothing where
/// no input has any.
std::optional<Tensor> marks(Pool& pool, std::span<const TokenInput> inputs,
                            std::span<const i64> TokenInput::* of, i64 usual) {
  if (std::ranges::all_of(inputs, [&](const TokenInput& input) { return (input.*of).empty(); }))
    return std::nullopt;
  std::vector<i64> all;
  for (const TokenInput& input : inputs) {
    const std::span<const i64> given = input.*of;
    if (given.empty()) {
      all.insert(all.end(), input.ids.size(), usual);
    } else {
      all.insert(all.end(), given.begin(), given.end());
    }
  }
  return indices(pool, all);
}

/// Rows of all inputs that need logits; nothing where all do.
std::optional<Tensor> logit_rows(Pool& pool, std::span<const TokenInput> inputs) {
  if (std::ranges::all_of(inputs, [](const TokenInput& input) { return input.logit_rows.empty(); }))
    return std::nullopt;
  std::vector<i64> rows;
  i64 first = 0;
  for (const TokenInput& input : inputs) {
    const i64 count = ssize_of(input.ids);
    for (i64 i = 0; i < (input.logit_rows.empty() ? count : ssize_of(input.logit_rows)); ++i) {
      const i64 row = input.logit_rows.empty() ? i : input.logit_rows[static_cast<std::size_t>(i)];
      if (row < 0 || row >= count)
        fail(ErrorCode::invalid_argument, "logits of token {} of an input of {}", row, count);
      rows.push_back(first + row);
    }
    first += count;
  }
  return indices(pool, rows);
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
  const ImaginedFormats imagined = options.imagined.value_or(ImaginedFormats());
  const nn::Weights weights(ctx, {.checkpoint = options.imagined ? nullptr : &checkpoint,
                                  .rules = family_->rules,
                                  .imagined_format = imagined.matrices,
                                  .imagined_experts = imagined.experts,
                                  .training = options.training,
                                  .adapters = options.adapters,
                                  .loaded = options.loaded});
  model_ = family_->make(config_, weights);
  traffic_ = weights.traffic();
  parameters_ = weights.parameters();
  unused_ = weights.unused();
  uses_ = weights.uses();
  held_ = weights.held();
}

void check_length(const models::ModelFacts& facts, i64 tokens) {
  const bool ends = facts.context_ends || facts.direction == models::Direction::bidirectional;
  if (ends && tokens > facts.context) {
    fail(ErrorCode::limit_exceeded, "{} tokens are over the model's limit of {}", tokens,
         facts.context);
  }
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

PromptImages Runner::prepare(std::span<const i64> ids, const ImageInput& input, ops::Tape* tape) {
  const models::ModelFacts facts = model_->facts();
  if (!facts.images) {
    fail(ErrorCode::unsupported, "a {} model takes no pictures", family_->name);
  }
  std::vector<i64> rows = input.rows;
  for (i64 i = 0; input.rows.empty() && i < ssize_of(ids); ++i) {
    if (facts.images->token == ids[static_cast<std::size_t>(i)]) rows.push_back(i);
  }
  const bool ascending = std::ranges::is_sorted(rows, std::less_equal<>());
  if (rows.empty() || !ascending || rows.front() < 0 || rows.back() >= ssize_of(ids)) {
    fail(ErrorCode::invalid_argument,
         "the {} tokens of a prompt's pictures must be in the order of the prompt of {}",
         rows.size(), ids.size());
  }
  ops::Context ctx = context();
  ctx.tape = tape;
  Tensor features = model_->image_features(ctx, input.images);
  if (features.size(0) != ssize_of(rows)) {
    fail(ErrorCode::invalid_argument, "the pictures need {} tokens of the prompt, it has {}",
         features.size(0), rows.size());
  }
  return {.features = std::move(features),
          .rows = std::move(rows),
          .positions = model_->prompt_positions(ids, input.images.grids)};
}

models::Outputs Runner::run(std::span<const TokenInput> inputs, const ops::Observer* observer,
                            ops::Tape* tape) {
  ops::Context ctx = context();
  ctx.tape = tape;
  const models::ModelFacts facts = model_->facts();
  BatchBuilder builder(ctx, facts.position_axes);
  std::deque<PromptImages> images;
  for (const TokenInput& input : inputs) {
    check_ids(input.ids);
    if (input.ids.empty()) fail(ErrorCode::invalid_argument, "an input without tokens");
    for (const std::span<const i64> row : {input.token_types, input.words, input.global_tokens}) {
      if (!row.empty() && row.size() != input.ids.size()) {
        fail(ErrorCode::shape_mismatch, "an input of {} tokens with marks for {}", input.ids.size(),
             row.size());
      }
    }
    check_length(facts, ssize_of(input.ids));
    if (input.images != nullptr) images.push_back(prepare(input.ids, *input.images, tape));
    builder.add(input.ids, 0, input.images == nullptr ? nullptr : &images.back());
  }
  nn::Batch batch = builder.build();
  batch.token_types = marks(pool_, inputs, &TokenInput::token_types, 0);
  batch.words = marks(pool_, inputs, &TokenInput::words, 1);
  batch.global_tokens = marks(pool_, inputs, &TokenInput::global_tokens, -1);
  batch.logit_rows = logit_rows(pool_, inputs);
  ctx.observer = observer;
  return model_->forward(ctx, batch, nn::KvCache());
}

models::Outputs Runner::run_chunked(const TokenInput& input, i64 chunk,
                                    const ops::Observer* observer) {
  const models::ModelFacts facts = model_->facts();
  if (facts.direction != models::Direction::causal) {
    fail(ErrorCode::unsupported, "only causal models can run in chunks");
  }
  const std::span<const i64> ids = input.ids;
  check_length(facts, ssize_of(ids));
  const i64 pages = ceil_div(ssize_of(ids), backend::page_keys);
  Scheduler scheduler({.step_tokens = chunk, .sequences = 1, .pages = pages});
  const nn::KvCache cache(pool_, facts.kv, pages);
  scheduler.add(0, {ids.begin(), ids.end()}, 0);
  std::map<i64, PromptImages> images;
  if (input.images != nullptr) images.emplace(0, prepare(ids, *input.images));
  std::vector<std::vector<float>> values;
  models::Outputs outputs;
  for (i64 done = 0; done < ssize_of(ids);) {
    const StepPlan plan = scheduler.plan();
    outputs = run_cached(plan, {.scheduler = scheduler,
                                .cache = cache,
                                .images = images,
                                .rows = Rows::all,
                                .observer = observer});
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

Tensor Runner::run_step(const StepPlan& plan, const Scheduler& scheduler, const nn::KvCache& cache,
                        const std::map<i64, PromptImages>& images) {
  return run_cached(plan, {.scheduler = scheduler,
                           .cache = cache,
                           .images = images,
                           .rows = Rows::sampled,
                           .observer = nullptr})
      .front()
      .value;
}

models::Outputs Runner::run_cached(const StepPlan& plan, const CachedRun& what) {
  ops::Context ctx = context();
  BatchBuilder builder(ctx, model_->facts().position_axes);
  std::vector<i64> slots;
  std::vector<i64> rows;
  std::vector<backend::AttentionSequence> sequences;
  for (const PlannedRun& run : plan.runs) {
    const Sequence& sequence = what.scheduler.sequence(run.sequence);
    const std::span<const i64> tokens =
        std::span(sequence.tokens)
            .subspan(static_cast<std::size_t>(run.first), static_cast<std::size_t>(run.count));
    check_ids(tokens);
    sequences.push_back({.first_row = builder.rows(),
                         .rows = run.count,
                         .first_position = run.first,
                         .keys = run.first + run.count,
                         .pages = sequence.pages.data()});
    const auto pictures = what.images.find(run.sequence);
    builder.add(tokens, run.first, pictures == what.images.end() ? nullptr : &pictures->second);
    for (i64 i = run.first; i < run.first + run.count; ++i) {
      slots.push_back(sequence.pages[static_cast<std::size_t>(i / backend::page_keys)] *
                          backend::page_keys +
                      i % backend::page_keys);
    }
    if (run.samples) rows.push_back(builder.rows() - 1);
  }
  nn::Batch batch = builder.build();
  if (what.rows == Rows::sampled) batch.logit_rows = indices(pool_, rows);
  batch.slots = indices(pool_, slots);
  batch.sequences = std::move(sequences);
  ctx.observer = what.observer;
  return model_->forward(ctx, batch, what.cache);
}

}  // namespace medlar::runtime
