#pragma once

#include <optional>
#include <span>
#include <vector>

#include "backend/kernels.h"
#include "ops/context.h"
#include "ops/weight.h"
#include "tensor/tensor.h"

/// The vocabulary of operations. Goals: every model is written in these words; each checks its
/// shapes (Error shape_mismatch naming op and shapes), makes its output, runs one kernel, and
/// leaves a gradient on the tape. Non-goals: laziness, broadcasting beyond a trailing row, in-place
/// changes of what others see. Letters: T rows (tokens), D width, H query heads, K key/value heads,
/// d head size, V vocabulary. All tensors are f32 unless said otherwise.
namespace medlar::ops {

using backend::Direction;
using backend::Mask;
using backend::RopeLayout;

// ---- matrices ----

/// x [T, in] times weight [out, in] transposed, plus bias [out] (or null) -> [T, out].
Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias = nullptr);
/// Rows of weight [V, D] for ids [T] (i64) -> [T, D]. Throws invalid_argument for an id outside [0,
/// V).
Tensor embed(Context& ctx, const Tensor& ids, const Weight& weight);
/// x [R, C] -> [C, R].
Tensor transpose(Context& ctx, const Tensor& x);

// ---- norms and pointwise ----

/// x * rsqrt(mean(x^2) + eps) * weight over the last axis; weight [D]. Zhang and Sennrich 2019
/// (arXiv 1910.07467).
Tensor rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float epsilon);
/// (x - mean) * rsqrt(variance + eps) * weight + bias over the last axis; bias [D] or null. Ba et
/// al. 2016 (arXiv 1607.06450).
Tensor layer_norm(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias,
                  float epsilon);
/// exp(x - max) / sum over the last axis.
Tensor softmax(Context& ctx, const Tensor& x);
Tensor silu(Context& ctx, const Tensor& x);
Tensor gelu(Context& ctx, const Tensor& x);        ///< exact (erf)
Tensor gelu_tanh(Context& ctx, const Tensor& x);   ///< tanh approximation
Tensor quick_gelu(Context& ctx, const Tensor& x);  ///< x sigmoid(1.702 x)
Tensor relu(Context& ctx, const Tensor& x);
Tensor tanh(Context& ctx, const Tensor& x);
Tensor sigmoid(Context& ctx, const Tensor& x);
Tensor exp(Context& ctx, const Tensor& x);
/// a + b; b has a's shape or is one row [D] for all rows.
Tensor add(Context& ctx, const Tensor& a, const Tensor& b);
/// a * b elementwise; b as in add.
Tensor multiply(Context& ctx, const Tensor& a, const Tensor& b);
Tensor scale(Context& ctx, const Tensor& x, float factor);
Tensor clamp(Context& ctx, const Tensor& x, float low, float high);
/// x with values left out at random and the rest scaled up, as ctx.tape->dropout says; x itself
/// without a tape or at rate 0.
Tensor dropout(Context& ctx, const Tensor& x);

// ---- rows ----

/// x[index] for index [R] (i64) in [0, T) -> [R, D].
Tensor gather_rows(Context& ctx, const Tensor& x, const Tensor& index);
/// x [T, D] with rows[r] in the place of row index[r]: rows [R, D], index [R] (i64) in [0, T), no
/// index twice -> [T, D].
Tensor replace_rows(Context& ctx, const Tensor& x, const Tensor& index, const Tensor& rows);
/// Sums of weighted rows: sum over t ascending of weight[r, t] x[index[r, t]]; x [T, D], index
/// (i64) and weight [R, K] -> [R, D]. No gradient for the weights.
Tensor mix_rows(Context& ctx, const Tensor& x, const Tensor& index, const Tensor& weight);
/// Each group of `rows` rows of x [G rows, D] transposed to one row -> [G, D rows].
Tensor transpose_groups(Context& ctx, const Tensor& x, i64 rows);
/// Sum over rows: x [T, D] -> [D].
Tensor sum_rows(Context& ctx, const Tensor& x);
/// Mean of the rows [starts[s], starts[s + 1]) of x [T, D], one row each -> [S, D]. Empty ranges
/// are refused.
Tensor mean_rows(Context& ctx, const Tensor& x, std::span<const i64> starts);
/// Each row divided by its Euclidean length (at least 1e-12) -> same shape. No gradient.
Tensor l2_normalise(Context& ctx, const Tensor& x);
/// Columns [first, first + count) of the last axis.
Tensor columns(Context& ctx, const Tensor& x, i64 first, i64 count);
/// Each row with its neighbours inside its sequence, as a convolution over rows takes them: y[t][i
/// * taps + k] = x[t + k - taps / 2][i], 0 beyond the sequence. x [T, D], taps odd -> [T, D *
/// taps].
Tensor neighbours(Context& ctx, const Tensor& x, std::span<const i64> starts, i64 taps);
/// a and b side by side on the last axis; their other axes are equal.
Tensor concat_columns(Context& ctx, const Tensor& a, const Tensor& b);
/// The same elements under another shape.
Tensor reshape(Context& ctx, const Tensor& x, Shape shape);

// ---- attention ----

/// Turns the first cos.size(1) * 2 dimensions of each head of x [T, H, d] by angles whose cosine
/// and sine are [T, rotary / 2]. Su et al. 2021 (arXiv 2104.09864).
Tensor rope(Context& ctx, const Tensor& x, const Tensor& cos, const Tensor& sin, RopeLayout layout);

struct AttentionSpec {
  float scale;  ///< factor of q.k before the softmax
  Mask mask = Mask::causal;
  i64 window = 0;  ///< 0 none; causal: i - j < window; bidirectional: |i - j| <= window
  std::optional<Tensor> sinks =
      std::nullopt;  ///< [H] a score per head that only takes weight away
                     ///< (Xiao et al. 2023, arXiv 2309.17453); no gradient
};

/// Softmax attention inside each sequence (Vaswani et al. 2017, eq. 1) with grouped heads: q [T, H,
/// d], k [T, K, d], v [T, K, dv], H a multiple of K -> [T, H, dv]. Sequence s is the rows
/// [starts[s], starts[s + 1]).
Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                 std::span<const i64> starts, const AttentionSpec& spec);

/// The same over cached keys and values: sequences say which pages hold them. No gradient.
Tensor cached_attention(Context& ctx, const Tensor& q, const backend::KvPages& pages,
                        std::span<const backend::AttentionSequence> sequences,
                        const AttentionSpec& spec);

/// Writes k [T, K, d] and v [T, K, dv] to the pages; slots [T] (i64) are page * 64 + place.
void store_kv(Context& ctx, const Tensor& k, const Tensor& v, const Tensor& slots,
              const backend::KvPages& pages);

struct DisentangledSpec {
  float scale;                            ///< factor of the sum of the terms before the softmax
  const Tensor* place_keys = nullptr;     ///< [P, H, d]: adds q_i . place_keys[p]
  const Tensor* place_queries = nullptr;  ///< [P, H, d]: adds k_j . place_queries[p]
  std::span<const i64> place_of;  ///< [2 N - 1]: p in [0, P) of i - j from -(N - 1) on, N at least
                                  ///< the longest sequence
};

/// Bidirectional attention whose scores have terms of relative places (He et al. 2021, arXiv
/// 2006.03654, eq. 4): q, k, v [T, H, d] -> [T, H, d].
Tensor disentangled_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                              std::span<const i64> starts, const DisentangledSpec& spec);

/// Queries, keys and values of one attention, each [T, H, d].
struct Projected {
  Tensor q, k, v;
};

/// Bidirectional attention to a window and to some global tokens, which themselves attend to all
/// with projections of their own (Beltagy et al. 2020, arXiv 2004.05150, section 3): row i with
/// wide[i] == 0 sees |i - j| <= spec.window and j with wide[j] != 0 through `local`, the others see
/// all through `global`, which is null where there are none. wide [T] i64; window > 0 -> [T, H, d].
Tensor global_attention(Context& ctx, const Projected& local, const Projected* global,
                        const Tensor& wide, std::span<const i64> starts, const AttentionSpec& spec);

// ---- recurrence ----

/// The hidden states of an LSTM (Hochreiter and Schmidhuber 1997) that runs over each sequence from
/// its first row on or, `inverse`, from its last: gates [T, 4 D] are what the input gives to input,
/// forget, cell and output gate, in this order; recurrent [4 D, D] and bias [4 D] (or null) what
/// the state adds -> [T, D]. No gradient.
Tensor lstm(Context& ctx, const Tensor& gates, const Weight& recurrent, const Tensor* bias,
            std::span<const i64> starts, Direction direction);

// ---- mixtures of experts ----

using backend::ExpertWeights;

/// How a router chooses: the k best by score + bias, if need be only among the best groups, weighed
/// by their scores without the bias (DeepSeek-AI 2024, arXiv 2412.19437, section 2.1.2).
struct RouteSpec {
  i64 chosen;  ///< experts per token
  i64 groups = 1;
  i64 kept_groups = 1;
  ExpertWeights weights = ExpertWeights::sum_to_one;
  float factor = 1.0f;
};

struct Routes {
  Tensor experts;  ///< [T, k] i64, best first
  Tensor weights;  ///< [T, k]
};

/// scores [T, E], bias [E] or null. No gradient.
Routes route(Context& ctx, const Tensor& scores, const Tensor* bias, const RouteSpec& spec);

/// Rows [starts[e], starts[e + 1]) of x [R, in] times weights[e] [out, in] transposed, plus row e
/// of bias [E, out] (or null) -> [R, out].
Tensor grouped_linear(Context& ctx, const Tensor& x, std::span<const Weight> weights,
                      std::span<const i64> starts, const Tensor* bias = nullptr);

// ---- ranks ----

/// Columns of all ranks side by side: x [T, mine] -> [T, total]; rank r holds
/// [r total / R, (r + 1) total / R). Alone it returns x.
Tensor gather_columns(Context& ctx, const Tensor& x, i64 total);

// ---- losses ----

/// Mean over rows of -log softmax(logits)[target], rows with target < 0 left out: logits [T, V],
/// targets [T] (i64) -> [1]. At least one row must count.
Tensor cross_entropy(Context& ctx, const Tensor& logits, const Tensor& targets);

}  // namespace medlar::ops
