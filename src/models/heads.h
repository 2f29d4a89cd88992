#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "models/model.h"
#include "nn/linear.h"
#include "nn/rope.h"

namespace medlar::models {

/// What stands on a decoder's last hidden states: the next-token head (its own matrix, or the
/// embedding's when tied), or a token classifier "score" where the architecture's name says so.
class DecoderHead {
 public:
  DecoderHead(const Json& config, const nn::Weights& w, const ops::Weight& embedding, bool tied);

  /// h [T, D] -> "logits" [R, V] or [R, labels], whole on every rank; R rows are those the batch
  /// names.
  Outputs operator()(Context& ctx, const Tensor& h, const Batch& batch) const;
  bool generates() const { return generates_; }

 private:
  bool generates_;
  nn::Linear linear_;
};

/// Rows of h [T, D] that need logits: all, or those the batch names.
Tensor rows_for_logits(Context& ctx, const Tensor& h, const Batch& batch);

/// Throws unsupported where `count` heads cannot be shared among the ranks.
void check_ranks(const nn::Weights& w, std::string_view what, i64 count);

/// The same for H query heads that share K key/value heads: a rank has H / R of the former and at
/// least one of the latter.
void check_heads(const nn::Weights& w, i64 query_heads, i64 kv_heads);
inline i64 heads_of_rank(i64 kv_heads, i64 ranks) { return std::max(i64{1}, kv_heads / ranks); }

/// h [T, D] through all blocks, each state shown to the observer.
template <typename Block>
Tensor run_blocks(Context& ctx, Tensor h, const std::vector<Block>& blocks,
                  const nn::RopeAngles& angles, const Batch& batch, const KvCache& cache) {
  for (i64 i = 0; i < ssize_of(blocks); ++i) {
    ctx.observe(i, h);
    h = blocks[static_cast<std::size_t>(i)](ctx, h, angles, batch, cache.layer(i));
  }
  return h;
}

/// What the runtime must know of a decoder with grouped heads: Config has layers, D, V, context, K
/// and d.
template <typename Config>
ModelFacts decoder_facts(const Config& c, const DecoderHead& head, i64 ranks) {
  return {.direction = Direction::causal,
          .generates = head.generates(),
          .layers = c.layers,
          .hidden = c.D,
          .vocabulary = c.V,
          .context = c.context,
          .kv = {.layers = c.layers,
                 .heads = heads_of_rank(c.K, ranks),
                 .key_size = c.d,
                 .value_size = c.d}};
}

}  // namespace medlar::models
