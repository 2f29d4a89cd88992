#include "train/chain_loss.h"

#include <map>

#include "base/error.h"
#include "ops/ops.h"

namespace medlar::train {
namespace {

std::vector<float> copied(const Tensor& tensor) {
  return {tensor.values().begin(), tensor.values().end()};
}

/// Gradients in double of the tensors of a chain.
struct ChainGradient {
  std::vector<double> between, start, end;

  explicit ChainGradient(std::size_t labels)
      : between(labels * labels), start(labels), end(labels) {}
};

/// Adds a chain's share of the gradient of the logits and of its parameters; its loss.
double add_chain(const LabelledChain& chain, double share, Tensor logits, Tensor gradient,
                 ChainGradient& sums) {
  const runtime::Transitions transitions = chain.parameters->values();
  const std::size_t labels = transitions.start.size();
  const i64 columns = logits.size(1);
  std::vector<float> scores;
  for (const i64 row : chain.rows) {
    const float* own = logits.f32() + row * columns + chain.first;
    scores.insert(scores.end(), own, own + labels);
  }
  const runtime::ChainSums all = runtime::chain_sums(scores, transitions);
  const auto label = [&](std::size_t i) { return static_cast<std::size_t>(chain.labels[i]); };
  const std::size_t last = chain.rows.size() - 1;
  for (std::size_t i = 0; i <= last; ++i) {
    float* to = gradient.f32() + chain.rows[i] * columns + chain.first;
    for (std::size_t c = 0; c < labels; ++c) {
      const double wanted = c == label(i) ? 1.0 : 0.0;
      to[c] = static_cast<float>(share * (all.labels[i * labels + c] - wanted));
    }
    if (i > 0) sums.between[label(i - 1) * labels + label(i)] -= share;
  }
  for (std::size_t i = 0; i < sums.between.size(); ++i) sums.between[i] += share * all.steps[i];
  for (std::size_t c = 0; c < labels; ++c) {
    sums.start[c] += share * all.labels[c];
    sums.end[c] += share * all.labels[last * labels + c];
  }
  sums.start[label(0)] -= share;
  sums.end[label(last)] -= share;
  return share * (all.log_partition - runtime::path_score(scores, transitions, chain.labels));
}

Tensor rounded(Pool& pool, const Shape& shape, const std::vector<double>& values) {
  const std::vector<float> floats(values.begin(), values.end());
  return Tensor::of(pool, shape, std::span(floats));
}

}  // namespace

ChainParameters::ChainParameters(Pool& pool, const runtime::Transitions& from)
    : between(Tensor::of(pool, {ssize_of(from.start), ssize_of(from.start)},
                         std::span<const float>(from.between))),
      start(Tensor::of(pool, {ssize_of(from.start)}, std::span<const float>(from.start))),
      end(Tensor::of(pool, {ssize_of(from.end)}, std::span<const float>(from.end))) {}

runtime::Transitions ChainParameters::values() const {
  return {.between = copied(between), .start = copied(start), .end = copied(end)};
}

std::vector<nn::Parameter> ChainParameters::named(const std::string& head) const {
  const std::string scope = "crf." + head + ".";
  return {{scope + "transitions", between}, {scope + "start", start}, {scope + "end", end}};
}

double weight_of(std::span<const LabelledChain> chains) {
  double weights = 0.0;
  for (const LabelledChain& chain : chains) {
    MEDLAR_CHECK(!chain.rows.empty() && chain.rows.size() == chain.labels.size());
    weights += static_cast<double>(chain.weight) * static_cast<double>(chain.rows.size());
  }
  return weights;
}

Tensor chain_loss(ops::Context& ctx, const Tensor& logits, std::span<const LabelledChain> chains) {
  const double weights = weight_of(chains);
  if (weights <= 0.0) fail(ErrorCode::invalid_argument, "chain_loss: no chain has a weight");
  const Tensor gradient = Tensor::zeros(ctx.pool, logits.shape());
  std::map<const ChainParameters*, ChainGradient> sums;
  double sum = 0.0;
  for (const LabelledChain& chain : chains) {
    const auto labels = static_cast<std::size_t>(chain.parameters->start.count());
    ChainGradient& own = sums.try_emplace(chain.parameters, labels).first->second;
    sum += add_chain(chain, static_cast<double>(chain.weight) / weights, logits, gradient, own);
  }
  Tensor loss = Tensor::zeros(ctx.pool, {1});
  loss.f32()[0] = static_cast<float>(sum);
  if (ctx.tape == nullptr) return loss;
  std::vector<std::pair<Tensor, Tensor>> gradients = {{logits, gradient}};
  for (const auto& [parameters, own] : sums) {
    for (const auto& [tensor, values] :
         {std::pair(&parameters->between, &own.between), std::pair(&parameters->start, &own.start),
          std::pair(&parameters->end, &own.end)}) {
      gradients.emplace_back(*tensor, rounded(ctx.pool, tensor->shape(), *values));
    }
  }
  ctx.tape->record(loss, [gradients](ops::Context& c, ops::Tape& tape, const Tensor& g) {
    for (const auto& [tensor, of_tensor] : gradients)
      tape.accumulate(c, tensor, ops::scale(c, of_tensor, g.f32()[0]));
  });
  return loss;
}

}  // namespace medlar::train
