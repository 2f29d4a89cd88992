#include "train/trainer.h"

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "ops/ops.h"
#include "train/head_checkpoint.h"
#include "train/training_log.h"
#include "train/training_state.h"

namespace medlar::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr i64 most_dropouts = 1 << 12;  // calls of one pass, far above any model's

std::vector<nn::Parameter> parameters_of(const runtime::Runner& runner, const Task& task) {
  std::vector<nn::Parameter> parameters = runner.parameters();
  for (const nn::Parameter& own : task.parameters()) parameters.push_back(own);
  return parameters;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

/// What one call of run() holds.
struct Trainer::Session {
  const Output& output;
  TrainingLog log;
  i64 steps = 0;  ///< of all epochs
  i64 first_of_epoch = 0;
  double best = -1.0;
  i64 worse = 0;  ///< evaluations since the best
  double loss_sum = 0.0;
  i64 loss_count = 0;
  i64 tokens = 0;  ///< since `since`
  Clock::time_point since = Clock::now();
  Clock::time_point started = Clock::now();
  Clock::time_point saved = Clock::now();
  i64 first_step = 0;  ///< of this session
  bool stopped = false;
};

Trainer::Trainer(runtime::Runner& runner, std::unique_ptr<const Task> task,
                 std::unique_ptr<const Teacher> teacher)
    : runner_(runner),
      task_(std::move(task)),
      teacher_(std::move(teacher)),
      options_(task_->options()),
      optimizer_(runner.pool(), parameters_of(runner, *task_), options_.adamw) {
  if (runner.parameters().empty())
    fail(ErrorCode::invalid_argument, "training needs a runner whose weights are trainable");
  check_adapters(runner);
}

i64 Trainer::steps_of(const Epoch& epoch) const {
  return ceil_div(ssize_of(epoch.batches), options_.accumulate);
}

/// Of a batch, recorded on the tape: the task's, and how far the teacher's outputs are.
Tensor Trainer::loss(ops::Context& ctx, const std::vector<TokenSequence>& sequences,
                     std::span<const i64> batch) {
  const std::vector<runtime::TokenInput> inputs = inputs_of(sequences, batch);
  const Tensor logits = runner_.run(inputs, nullptr, &tape_).front().value;
  const Tensor of_task = task_->loss(ctx, logits, sequences, batch);
  if (!teacher_) return of_task;
  const Tensor of_teacher =
      distillation_loss(ctx, logits, teacher_->runner->run(inputs).front().value,
                        targets_of(sequences, batch), *teacher_);
  return ops::add(ctx, of_task,
                  ops::scale(ctx, of_teacher, static_cast<float>(teacher_->options.weight)));
}

double Trainer::step(const std::vector<TokenSequence>& sequences,
                     std::span<const std::vector<i64>> batches, double learning_rate) {
  ops::Context ctx = runner_.context();
  tape_.clear();
  tape_.dropout = {.rate = options_.dropout,
                   .seed = options_.seed,
                   .calls = static_cast<u64>(steps_done_ * options_.accumulate * most_dropouts)};
  double sum = 0.0;
  const auto passes = static_cast<float>(batches.size());
  for (const std::vector<i64>& batch : batches) {
    ctx.tape = &tape_;
    const Tensor loss = this->loss(ctx, sequences, batch);
    sum += static_cast<double>(loss.f32()[0]);
    const float seed = 1.0f / passes;
    tape_.backward(ctx, loss, Tensor::of(ctx.pool, {1}, std::span(&seed, 1)));
  }
  ctx.tape = nullptr;
  const double norm = global_norm(ctx, tape_, optimizer_.parameters());
  if (!std::isfinite(sum) || !std::isfinite(norm)) {
    fail(ErrorCode::failed_check, "training: the loss of step {} is no number", steps_done_ + 1);
  }
  const double factor = std::min(1.0, options_.clip / (norm + 1e-6));
  ++steps_done_;
  optimizer_.step(ctx, tape_, steps_done_, static_cast<float>(learning_rate),
                  static_cast<float>(factor));
  tape_.clear();
  return sum / static_cast<double>(passes);
}

Json Trainer::run(const Output& output) {
  std::filesystem::create_directories(output.folder);
  Session session = {.output = output, .log = TrainingLog(output.folder)};
  std::vector<i64> steps;
  for (i64 epoch = 0; epoch < options_.epochs; ++epoch) {
    steps.push_back(steps_of(task_->plan(epoch)));
    session.steps += steps.back();
  }
  if (options_.steps > 0) session.steps = std::min(session.steps, options_.steps);
  resume(session);
  session.first_step = steps_done_;
  for (i64 epoch = 0; epoch < options_.epochs && !session.stopped; ++epoch) {
    const i64 of_epoch = steps[static_cast<std::size_t>(epoch)];
    const i64 end = std::min(session.steps, session.first_of_epoch + of_epoch);
    if (steps_done_ < end && !run_epoch(session, epoch)) break;
    session.first_of_epoch += of_epoch;
  }
  save(session);
  if (!session.stopped && session.best < 0.0) write(session, "last");
  session.log.draw_curves();
  return session.log.last();
}

/// False where training ends here: stopped, or nothing got better for too long.
bool Trainer::run_epoch(Session& session, i64 epoch) {
  const Epoch plan = task_->plan(epoch);
  const i64 steps = steps_of(plan);
  const double warmup =
      options_.warmup * (options_.warmup < 1.0 ? static_cast<double>(session.steps) : 1.0);
  const Schedule schedule = {.steps = session.steps,
                             .warmup = static_cast<i64>(std::ceil(warmup)),
                             .falling = options_.falling,
                             .decay = options_.decay};
  constexpr i64 report_every = 20;
  const i64 last = std::min(steps, session.steps - session.first_of_epoch);
  for (i64 s = steps_done_ - session.first_of_epoch; s < last; ++s) {
    const auto batches =
        std::span(plan.batches).subspan(static_cast<std::size_t>(s * options_.accumulate));
    const auto now =
        batches.first(std::min(batches.size(), static_cast<std::size_t>(options_.accumulate)));
    const double rate = options_.learning_rate * schedule.at(steps_done_);
    session.loss_sum += step(plan.sequences, now, rate);
    ++session.loss_count;
    for (const std::vector<i64>& batch : now) {
      for (const i64 place : batch)
        session.tokens += ssize_of(plan.sequences[static_cast<std::size_t>(place)].ids);
    }
    if (steps_done_ % report_every == 0 || s + 1 == last) report_progress(session, epoch);
    const bool due = (s + 1) * options_.evaluations / last != s * options_.evaluations / last;
    if (due && judge(session, epoch)) return false;
    session.stopped = session.output.stop();
    if (session.stopped) return false;
    if (seconds_since(session.saved) > 60.0 * options_.save_minutes) {
      save(session);
      session.saved = Clock::now();
    }
  }
  return true;
}

void Trainer::report_progress(Session& session, i64 epoch) {
  const double seconds = seconds_since(session.since);
  const double each =
      seconds_since(session.started) / static_cast<double>(steps_done_ - session.first_step);
  const Json report = {
      {"step", steps_done_},
      {"steps", session.steps},
      {"epoch", epoch + 1},
      {"loss", session.loss_sum / static_cast<double>(std::max(i64{1}, session.loss_count))},
      {"tokens_per_second", std::round(static_cast<double>(session.tokens) / seconds)},
      {"seconds_left", std::round(each * static_cast<double>(session.steps - steps_done_))}};
  session.log.add(report);
  session.output.report(report);
  session.loss_sum = 0.0;
  session.loss_count = 0;
  session.tokens = 0;
  session.since = Clock::now();
}

/// Measures on devel and keeps the best model; true where patience is at its end.
bool Trainer::judge(Session& session, i64 epoch) {
  const std::optional<Score> score = task_->measure(runner_);
  session.since = Clock::now();
  if (!score) return false;
  Json report = {{"step", steps_done_}, {"steps", session.steps}, {"epoch", epoch + 1}};
  report.update(score->report);
  session.log.add(report);
  session.log.draw_curves();
  session.output.report(report);
  session.worse = score->value > session.best ? 0 : session.worse + 1;
  if (session.worse == 0) {
    session.best = score->value;
    write(session, "best");
  }
  session.since = Clock::now();
  return options_.patience > 0 && session.worse >= options_.patience;
}

void Trainer::write(const Session& session, const char* name) const {
  const Output& output = session.output;
  const Json config = task_->config(output.config);
  if (output.adapter) {
    write_adapter(output.folder / name, *output.adapter, config, runner_.parameters());
  } else {
    write_model(output.folder / name, config, runner_.parameters(), output.tokenizer);
  }
}

void Trainer::save(const Session& session) const {
  save_state(session.output.folder / "state.safetensors", optimizer_,
             {{"step", steps_done_},
              {"steps", session.steps},
              {"best", session.best},
              {"worse", session.worse},
              {"loss_sum", session.loss_sum},
              {"loss_count", session.loss_count}});
}

void Trainer::resume(Session& session) {
  const std::filesystem::path file = session.output.folder / "state.safetensors";
  if (!std::filesystem::exists(file)) return;
  const Json at = load_state(file, optimizer_);
  const i64 length = at.value("steps", i64{0});
  if (length != session.steps && options_.other_length == OtherLength::refused) {
    fail(ErrorCode::invalid_argument, "{} is of a training of {} steps, this one has {}",
         file.string(), length, session.steps);
  }
  steps_done_ = at.value("step", i64{0});
  session.best = at.value("best", -1.0);
  session.worse = at.value("worse", i64{0});
  session.loss_sum = at.value("loss_sum", 0.0);
  session.loss_count = at.value("loss_count", i64{0});
  session.log.keep_until(steps_done_);
}

}  // namespace medlar::train
