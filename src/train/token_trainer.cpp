#include "train/token_trainer.h"

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "train/head_checkpoint.h"
#include "train/token_loss.h"
#include "train/training_log.h"
#include "train/training_state.h"

namespace medlar::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr i64 devel_batch_tokens = 4096;
constexpr i64 most_dropouts = 1 << 12;  // calls of one pass, far above any model's

/// Streams of random numbers, apart from each other (and from those of dropout, which start where
/// the step says).
enum class Stream : u64 { skip = 1, share = 2, order = 3 };

u64 stream_of(Stream what, i64 epoch, i64 corpus = 0) {
  return static_cast<u64>(what) << 56 | static_cast<u64>(epoch) << 16 | static_cast<u64>(corpus);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Rows of the words of sentence `s` of a sequence whose first row is `first_row`; words that a cut
/// left out have none.
std::vector<i64> word_rows(const TokenSequence& sequence, std::size_t s, i64 first_row) {
  const i64 begin = sequence.first_token[s];
  const i64 end =
      s + 1 < sequence.first_token.size() ? sequence.first_token[s + 1] : ssize_of(sequence.ids);
  std::vector<i64> rows;
  for (const i64 at : sequence.sentences[s]->word_at) {
    if (begin + at < end) rows.push_back(first_row + begin + at);
  }
  return rows;
}

/// Neighbours in order, as many as fit into a batch.
std::vector<std::vector<i64>> batches_in_order(const std::vector<TokenSequence>& sequences) {
  std::vector<std::vector<i64>> batches;
  i64 filled = devel_batch_tokens;
  for (i64 i = 0; i < ssize_of(sequences); ++i) {
    const i64 count = ssize_of(sequences[static_cast<std::size_t>(i)].ids);
    if (filled + count > devel_batch_tokens) {
      batches.emplace_back();
      filled = 0;
    }
    batches.back().push_back(i);
    filled += count;
  }
  return batches;
}

}  // namespace

std::vector<TypeCounts> score_sentences(runtime::Runner& runner, const runtime::TokenHead& head,
                                        std::span<const EncodedSentence> sentences,
                                        const SequenceShape& shape) {
  const std::vector<TokenSequence> sequences = pack_sentences(sentences, head, shape);
  std::vector<TypeCounts> counts;
  for (const std::vector<i64>& batch : batches_in_order(sequences)) {
    const models::Outputs outputs = runner.run(inputs_of(sequences, batch));
    const Tensor& logits = outputs.front().value;
    i64 row = 0;
    for (const i64 place : batch) {
      const TokenSequence& sequence = sequences[static_cast<std::size_t>(place)];
      for (std::size_t s = 0; s < sequence.sentences.size(); ++s) {
        const auto found = runtime::spans_of_head(head, {.values = logits.values(),
                                                         .columns = logits.size(1),
                                                         .rows = word_rows(sequence, s, row)});
        counts.push_back(
            compare_spans(found, runtime::spans_of_labels(sequence.sentences[s]->labels)));
      }
      row += ssize_of(sequence.ids);
    }
  }
  return counts;
}

/// What one call of run() holds.
struct TokenTrainer::Session {
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

TokenTrainer::TokenTrainer(runtime::Runner& runner, const std::vector<Corpus>& corpora,
                           const SequenceShape& shape, const TrainingOptions& options)
    : runner_(runner),
      corpora_(corpora),
      shape_(shape),
      options_(options),
      optimizer_(runner.pool(), runner.parameters(), options.adamw) {
  if (runner.parameters().empty())
    fail(ErrorCode::invalid_argument, "training needs a runner whose weights are trainable");
}

TokenTrainer::Epoch TokenTrainer::plan_epoch(i64 epoch) const {
  Epoch plan;
  for (std::size_t c = 0; c < corpora_.size(); ++c) {
    const Corpus& corpus = corpora_[c];
    if (corpus.train.empty()) continue;
    const auto number = static_cast<i64>(c);
    const u32 drawn = philox(options_.seed, stream_of(Stream::skip, epoch, number), 0)[0];
    const i64 skip = static_cast<i64>(u64{drawn} * corpus.train.size() >> 32);
    std::vector<TokenSequence> all = pack_sentences(corpus.train, corpus.head, shape_, skip);
    const auto kept =
        static_cast<std::size_t>(std::ceil(corpus.share * static_cast<double>(all.size())));
    std::vector<i64> order =
        shuffled(ssize_of(all), options_.seed, stream_of(Stream::share, epoch, number));
    order.resize(std::min(order.size(), kept));
    for (const i64 place : order) {
      TokenSequence& sequence = all[static_cast<std::size_t>(place)];
      for (TokenTarget& target : sequence.targets) target.weight = corpus.weight;
      plan.sequences.push_back(std::move(sequence));
    }
  }
  plan.batches = draw_batches(plan.sequences, options_.batch_tokens, options_.seed,
                              stream_of(Stream::order, epoch));
  return plan;
}

i64 TokenTrainer::steps_of(const Epoch& epoch) const {
  return ceil_div(ssize_of(epoch.batches), options_.accumulate);
}

double TokenTrainer::step(const std::vector<TokenSequence>& sequences,
                          std::span<const std::vector<i64>> batches, double learning_rate) {
  ops::Context ctx = runner_.context();
  tape_.clear();
  tape_.dropout = {.rate = options_.dropout,
                   .seed = options_.seed,
                   .calls = static_cast<u64>(steps_done_ * options_.accumulate * most_dropouts)};
  double sum = 0.0;
  const auto passes = static_cast<float>(batches.size());
  for (const std::vector<i64>& batch : batches) {
    std::vector<TokenTarget> targets;
    for (const i64 place : batch) {
      const auto& of_sequence = sequences[static_cast<std::size_t>(place)].targets;
      targets.insert(targets.end(), of_sequence.begin(), of_sequence.end());
    }
    ctx.tape = &tape_;
    const models::Outputs outputs = runner_.run(inputs_of(sequences, batch), nullptr, &tape_);
    const Tensor loss = token_loss(ctx, outputs.front().value, targets, options_.label_smoothing);
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

DevelScores TokenTrainer::evaluate() {
  DevelScores scores;
  i64 counted = 0;
  for (const Corpus& corpus : corpora_) {
    const double wanted =
        std::ceil(options_.devel_share * static_cast<double>(corpus.devel.size()));
    const auto devel = std::span(corpus.devel).first(static_cast<std::size_t>(wanted));
    scores.heads.push_back(total_of(score_sentences(runner_, corpus.head, devel, shape_)));
    if (corpus.devel.empty()) continue;
    scores.mean_f1 += scores.heads.back().f1();
    ++counted;
  }
  if (counted > 0) scores.mean_f1 /= static_cast<double>(counted);
  return scores;
}

Json TokenTrainer::run(const Output& output) {
  std::filesystem::create_directories(output.folder);
  Session session = {.output = output, .log = TrainingLog(output.folder)};
  std::vector<i64> steps;
  for (i64 epoch = 0; epoch < options_.epochs; ++epoch) {
    steps.push_back(steps_of(plan_epoch(epoch)));
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
  session.log.draw_curves();
  return session.log.last();
}

/// False where training ends here: stopped, or nothing got better for too long.
bool TokenTrainer::run_epoch(Session& session, i64 epoch) {
  const Epoch plan = plan_epoch(epoch);
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

void TokenTrainer::report_progress(Session& session, i64 epoch) {
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
bool TokenTrainer::judge(Session& session, i64 epoch) {
  const DevelScores scores = evaluate();
  Json heads = Json::object();
  for (std::size_t c = 0; c < corpora_.size(); ++c)
    heads[corpora_[c].head.name] = scores.heads[c].f1();
  const Json report = {{"step", steps_done_},
                       {"steps", session.steps},
                       {"epoch", epoch + 1},
                       {"devel_f1", heads},
                       {"mean_f1", scores.mean_f1}};
  session.log.add(report);
  session.log.draw_curves();
  session.output.report(report);
  session.worse = scores.mean_f1 > session.best ? 0 : session.worse + 1;
  if (session.worse == 0) {
    session.best = scores.mean_f1;
    write_model(session.output.folder / "best", session.output.config, optimizer_.parameters(),
                session.output.tokenizer);
  }
  session.since = Clock::now();
  return options_.patience > 0 && session.worse >= options_.patience;
}

void TokenTrainer::save(const Session& session) const {
  save_state(session.output.folder / "state.safetensors", optimizer_,
             {{"step", steps_done_},
              {"steps", session.steps},
              {"best", session.best},
              {"worse", session.worse},
              {"loss_sum", session.loss_sum},
              {"loss_count", session.loss_count}});
}

void TokenTrainer::resume(Session& session) {
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
