#include "train/distillation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "models/config.h"
#include "ops/ops.h"
#include "runtime/head_decoding.h"
#include "runtime/model_files.h"

namespace medlar::train {
namespace {

using runtime::TokenHead;

/// The heads of a configuration; a model without is one head of all its labels.
std::vector<TokenHead> heads_of(const Json& config) {
  const std::vector<std::string> labels = models::label_names(config);
  std::vector<TokenHead> heads = runtime::token_heads(config, ssize_of(labels));
  if (heads.empty()) heads.push_back({.name = "", .labels = labels, .first = 0, .renamed = {}});
  return heads;
}

/// Where the teacher's head has the labels of the student's; empty where it lacks one.
std::vector<i64> columns_in(const TokenHead& student, const TokenHead& teacher) {
  std::vector<i64> columns;
  for (const std::string& label : student.labels) {
    const auto found = std::ranges::find(teacher.labels, label);
    if (found == teacher.labels.end()) return {};
    columns.push_back(teacher.first + (found - teacher.labels.begin()));
  }
  return columns;
}

std::vector<i64> label_columns(const Json& student, const Json& teacher) {
  std::vector<i64> columns(models::label_names(student).size(), -1);
  const std::vector<TokenHead> theirs = heads_of(teacher);
  for (const TokenHead& head : heads_of(student)) {
    for (const TokenHead& other : theirs) {
      if (theirs.size() > 1 && other.name != head.name) continue;
      std::ranges::copy(columns_in(head, other), columns.begin() + head.first);
    }
  }
  return columns;
}

/// softmax(z / T) of some columns, and the log of each.
struct Softened {
  std::vector<double> p, log_p;

  template <typename Column>
  Softened(const float* row, i64 count, double temperature, const Column& column)
      : p(static_cast<std::size_t>(count)), log_p(p.size()) {
    for (std::size_t i = 0; i < p.size(); ++i)
      log_p[i] = static_cast<double>(row[column(static_cast<i64>(i))]) / temperature;
    const double highest = *std::ranges::max_element(log_p);
    double sum = 0.0;
    for (const double z : log_p) sum += std::exp(z - highest);
    for (std::size_t i = 0; i < p.size(); ++i) {
      log_p[i] -= highest + std::log(sum);
      p[i] = std::exp(log_p[i]);
    }
  }
};

bool is_taught(const TokenTarget& target, const Teacher& teacher) {
  return target.column >= 0 && teacher.columns[static_cast<std::size_t>(target.first)] >= 0;
}

}  // namespace

std::unique_ptr<const Teacher> load_teacher(const TeacherOptions& options, const Json& student,
                                            comm::Comm& comm,
                                            const runtime::RunnerOptions& machine) {
  auto teacher = std::make_unique<Teacher>();
  teacher->options = options;
  teacher->checkpoint = runtime::open_model(options.model);
  teacher->runner = std::make_unique<runtime::Runner>(
      teacher->checkpoint, comm,
      runtime::RunnerOptions{.isa = machine.isa, .threads = machine.threads});
  const std::string name = models::architecture(student);
  if (name.ends_with("ForTokenClassification") || name.ends_with("ForSequenceClassification")) {
    teacher->columns = label_columns(student, teacher->runner->config());
  } else if (teacher->runner->facts().vocabulary == student.value("vocab_size", i64{0})) {
    teacher->columns.resize(static_cast<std::size_t>(teacher->runner->facts().vocabulary));
    std::iota(teacher->columns.begin(), teacher->columns.end(), 0);
  }
  if (std::ranges::all_of(teacher->columns, [](i64 column) { return column < 0; }))
    fail(ErrorCode::invalid_argument, "teacher {}: it has no labels or tokens of the student's",
         options.model.string());
  return teacher;
}

Tensor distillation_loss(ops::Context& ctx, const Tensor& logits, const Tensor& of_teacher,
                         std::span<const TokenTarget> targets, const Teacher& teacher) {
  MEDLAR_CHECK(logits.size(0) == ssize_of(targets) && of_teacher.size(0) == logits.size(0));
  const double temperature = teacher.options.temperature;
  double weights = 0.0;
  for (const TokenTarget& target : targets) {
    if (is_taught(target, teacher)) weights += static_cast<double>(target.weight);
  }
  Tensor loss = Tensor::zeros(ctx.pool, {1});
  if (weights <= 0.0) return loss;
  Tensor gradient = Tensor::zeros(ctx.pool, logits.shape());
  std::vector<double> losses(targets.size());
  ctx.stream.threads->parallel_for(ssize_of(targets), 1, [&](i64 begin, i64 end) {
    for (i64 row = begin; row < end; ++row) {
      const TokenTarget& target = targets[static_cast<std::size_t>(row)];
      if (!is_taught(target, teacher)) continue;
      const Softened wanted(
          of_teacher.f32() + row * of_teacher.size(1), target.count, temperature,
          [&](i64 i) { return teacher.columns[static_cast<std::size_t>(target.first + i)]; });
      const Softened found(logits.f32() + row * logits.size(1), target.count, temperature,
                           [&](i64 i) { return target.first + i; });
      const double share = temperature * static_cast<double>(target.weight) / weights;
      float* to = gradient.f32() + row * logits.size(1) + target.first;
      for (std::size_t i = 0; i < found.p.size(); ++i) {
        to[i] = static_cast<float>(share * (found.p[i] - wanted.p[i]));
        losses[static_cast<std::size_t>(row)] +=
            share * temperature * wanted.p[i] * (wanted.log_p[i] - found.log_p[i]);
      }
    }
  });
  loss.f32()[0] = static_cast<float>(std::accumulate(losses.begin(), losses.end(), 0.0));
  if (ctx.tape != nullptr) {
    ctx.tape->record(loss, [logits, gradient](ops::Context& c, ops::Tape& tape, const Tensor& g) {
      tape.accumulate(c, logits, ops::scale(c, gradient, g.f32()[0]));
    });
  }
  return loss;
}

}  // namespace medlar::train
