#include "runtime/engine.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace medlar::runtime {

Engine::Engine(Runner& runner, const EngineLimits& limits)
    : runner_(runner),
      scheduler_({.step_tokens = limits.step_tokens,
                  .sequences = limits.sequences,
                  .pages = ceil_div(limits.cache_tokens, backend::page_keys)}),
      cache_(runner.pool(), runner.facts().kv, ceil_div(limits.cache_tokens, backend::page_keys)) {
  if (!runner.facts().generates) {
    fail(ErrorCode::unsupported, "a {} model with these heads does not generate text",
         runner.family().name);
  }
}

i64 Engine::submit(GenerateRequest request) {
  check_sampling(request.sampling);
  if (request.max_tokens < 1) fail(ErrorCode::invalid_argument, "max_tokens must be at least 1");
  const models::ModelFacts facts = runner_.facts();
  const i64 vocabulary = facts.vocabulary;
  check_length(facts, ssize_of(request.prompt));
  // The last token of a text is never an input, so one more than there are positions.
  if (facts.context_ends) {
    request.max_tokens = std::min(request.max_tokens, facts.context - ssize_of(request.prompt) + 1);
  }
  for (const i64 id : request.prompt) {
    if (id < 0 || id >= vocabulary) {
      fail(ErrorCode::invalid_argument, "token id {} is outside the model's {} embedding rows", id,
           vocabulary);
    }
  }
  std::optional<PromptImages> images;
  if (request.images) images = runner_.prepare(request.prompt, *request.images);
  const i64 number = next_request_++;
  scheduler_.add(number, std::move(request.prompt), request.max_tokens);
  if (images) images_.emplace(number, std::move(*images));
  running_[number] = {request.sampling, std::move(request.stop_ids), request.max_tokens};
  return number;
}

std::vector<TokenEvent> Engine::step() {
  std::vector<TokenEvent> events;
  clear_released_pages();
  const StepPlan plan = scheduler_.plan();
  if (plan.runs.empty()) return events;
  clear_released_pages();  // of requests that had to go back to wait
  const Tensor logits = runner_.run_step(plan, scheduler_, cache_, images_);
  const i64 width = logits.size(-1);
  std::vector<i64> sampled(plan.runs.size(), 0);
  i64 row = 0;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const PlannedRun& run = plan.runs[i];
    if (!run.samples) continue;
    const std::span<const float> values = logits.values().subspan(
        static_cast<std::size_t>(row++ * width), static_cast<std::size_t>(width));
    const Running& running = running_.at(run.sequence);
    sampled[i] = sample(values, running.sampling, run.first + run.count);
    const i64 generated = scheduler_.sequence(run.sequence).generated() + 1;
    events.push_back({run.sequence, sampled[i], finish_of(running, sampled[i], generated)});
  }
  scheduler_.commit(plan, sampled);
  for (const TokenEvent& event : events) {
    if (event.finish != Finish::none) cancel(event.request);
  }
  return events;
}

Finish Engine::finish_of(const Running& running, i64 id, i64 generated) const {
  if (std::ranges::find(running.stop_ids, id) != running.stop_ids.end()) return Finish::stop;
  return generated >= running.max_tokens ? Finish::length : Finish::none;
}

void Engine::cancel(i64 request) {
  scheduler_.remove(request);
  running_.erase(request);
  images_.erase(request);
  clear_released_pages();
}

void Engine::clear_released_pages() {
  for (const i64 page : scheduler_.take_released()) cache_.release_page(page);
}

std::vector<i64> generate(Runner& runner, GenerateRequest request, i64 step_tokens) {
  Engine engine(runner, {.cache_tokens = ssize_of(request.prompt) + request.max_tokens,
                         .step_tokens = step_tokens,
                         .sequences = 1});
  engine.submit(std::move(request));
  std::vector<i64> ids;
  while (!engine.idle()) {
    for (const TokenEvent& event : engine.step()) {
      if (event.finish != Finish::stop) ids.push_back(event.id);
    }
  }
  return ids;
}

}  // namespace medlar::runtime
