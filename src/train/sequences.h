#pragma once

#include <span>
#include <vector>

#include "runtime/runner.h"
#include "train/token_loss.h"

/// What every task makes of its data: sequences of tokens with what their logits should be, in
/// batches. There is no padding: sequences of a batch attend to themselves only.
namespace medlar::train {

/// A text of a corpus within a sequence.
struct Part {
  i64 text = 0;   ///< its place in the corpus
  i64 first = 0;  ///< its first token in the sequence
};

/// Tokens as the model takes them.
struct TokenSequence {
  std::vector<i64> ids;
  std::vector<TokenTarget> targets;  ///< by row of the logits
  std::vector<i64> rows = {};        ///< tokens that need logits, ascending; empty: all
  std::vector<Part> parts = {};      ///< where several texts share the sequence
};

/// Streams of random numbers, apart from each other (and from those of dropout, which start where
/// the step says).
enum class Stream : u64 { skip = 1, share = 2, order = 3, mask = 4, devel_mask = 5 };
u64 stream_of(Stream what, i64 epoch, i64 corpus = 0);

/// Permutation of [0, count) drawn by seed and stream (Fisher and Yates).
std::vector<i64> shuffled(i64 count, u64 seed, u64 stream);

/// The sequences in an order drawn by seed and stream, cut into batches of about `tokens` tokens.
std::vector<std::vector<i64>> draw_batches(const std::vector<TokenSequence>& sequences, i64 tokens,
                                           u64 seed, u64 stream);

/// Neighbours in order, as many as fit into a batch.
std::vector<std::vector<i64>> batches_in_order(const std::vector<TokenSequence>& sequences,
                                               i64 tokens);

/// Views of the sequences as the runner takes them.
std::vector<runtime::TokenInput> inputs_of(const std::vector<TokenSequence>& sequences,
                                           std::span<const i64> which);

/// Mean of the cross entropy over all targets, in batches of about `batch_tokens` tokens.
double mean_loss(runtime::Runner& runner, const std::vector<TokenSequence>& sequences,
                 i64 batch_tokens);

/// The targets of these sequences, one after the other.
std::vector<TokenTarget> targets_of(const std::vector<TokenSequence>& sequences,
                                    std::span<const i64> which);

}  // namespace medlar::train
