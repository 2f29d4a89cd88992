#include "train/sequences.h"

#include <numeric>

#include "base/rng.h"

namespace medlar::train {
namespace {

/// In this order, as many as fit into a batch of about `tokens` tokens.
std::vector<std::vector<i64>> batches_of(const std::vector<TokenSequence>& sequences,
                                         std::span<const i64> order, i64 tokens) {
  std::vector<std::vector<i64>> batches;
  i64 filled = tokens;
  for (const i64 place : order) {
    const i64 count = ssize_of(sequences[static_cast<std::size_t>(place)].ids);
    if (filled + count > tokens) {
      batches.emplace_back();
      filled = 0;
    }
    batches.back().push_back(place);
    filled += count;
  }
  return batches;
}

std::vector<i64> numbers_to(i64 count) {
  std::vector<i64> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace

u64 stream_of(Stream what, i64 epoch, i64 corpus) {
  return static_cast<u64>(what) << 56 | static_cast<u64>(epoch) << 16 | static_cast<u64>(corpus);
}

std::vector<i64> shuffled(i64 count, u64 seed, u64 stream) {
  std::vector<i64> order = numbers_to(count);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[philox(seed, stream, i)[0] * u64{i} >> 32]);
  return order;
}

std::vector<std::vector<i64>> draw_batches(const std::vector<TokenSequence>& sequences, i64 tokens,
                                           u64 seed, u64 stream) {
  return batches_of(sequences, shuffled(ssize_of(sequences), seed, stream), tokens);
}

std::vector<std::vector<i64>> batches_in_order(const std::vector<TokenSequence>& sequences,
                                               i64 tokens) {
  return batches_of(sequences, numbers_to(ssize_of(sequences)), tokens);
}

std::vector<runtime::TokenInput> inputs_of(const std::vector<TokenSequence>& sequences,
                                           std::span<const i64> which) {
  std::vector<runtime::TokenInput> inputs;
  for (const i64 place : which) {
    const TokenSequence& sequence = sequences[static_cast<std::size_t>(place)];
    inputs.push_back({.ids = sequence.ids, .token_types = {}, .logit_rows = sequence.rows});
  }
  return inputs;
}

double mean_loss(runtime::Runner& runner, const std::vector<TokenSequence>& sequences,
                 i64 batch_tokens) {
  double sum = 0.0;
  double weights = 0.0;
  for (const std::vector<i64>& batch : batches_in_order(sequences, batch_tokens)) {
    const models::Outputs outputs = runner.run(inputs_of(sequences, batch));
    const std::vector<TokenTarget> targets = targets_of(sequences, batch);
    ops::Context ctx = runner.context();
    const double weight = weight_of(targets);
    const Tensor loss = token_loss(ctx, outputs.front().value, targets);
    sum += weight * static_cast<double>(loss.f32()[0]);
    weights += weight;
  }
  return sum / weights;
}

std::vector<TokenTarget> targets_of(const std::vector<TokenSequence>& sequences,
                                    std::span<const i64> which) {
  std::vector<TokenTarget> targets;
  for (const i64 place : which) {
    const auto& some = sequences[static_cast<std::size_t>(place)].targets;
    targets.insert(targets.end(), some.begin(), some.end());
  }
  return targets;
}

}  // namespace medlar::train
