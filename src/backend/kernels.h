#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/quant.h"
#include "base/threads.h"
#include "base/types.h"
#include "tensor/tensor.h"

/// The table of kernels. Goals: one plain struct of function pointers per backend, each slot with
/// its contract here, the reference backend in plain loops as the definition. Non-goals: shapes are
/// checked and memory is allocated above (ops/), never here.
///
/// Every sum has a fixed order, so all cpu variants give the same bits
/// (docs/decisions/0001-same-bits-everywhere.md):
///   chain  one accumulator, acc = fma(a_k, b_k, acc) for k ascending, from the stated start value
///   lanes  16 accumulators, element i goes to accumulator i mod 16 (by fma or add), then the tree
///          acc[i] += acc[i + 8], then + 4, + 2, + 1
namespace medlar::backend {

/// Where kernels run: the team of threads on the cpu.
struct Stream {
  ThreadPool* threads = nullptr;
};

/// Rows of a weight panel: 16 output rows lie interleaved, one SIMD lane each.
constexpr i64 panel_rows = 16;

enum class WeightLayout {
  rows,     ///< as stored: row after row of `format`
  panels,   ///< repacked: for each 16 rows, k ascending, 16 values side by side (f32 f16 bf16);
            ///< Q8_0: for each 32 k, 16 fp16 scales, then 32 x 16 int8; absent rows are zero
  columns,  ///< the transposed matrix [in, out] as it lies; f32
};

/// How the activations of a product lie: [rows, in], or transposed [in, rows].
enum class InputLayout { rows, columns };

/// A matrix [out, in] in memory.
struct WeightView {
  QuantFormat format = QuantFormat::f32;
  WeightLayout layout = WeightLayout::rows;
  const std::byte* data = nullptr;
  i64 out = 0;
  i64 in = 0;
};

struct LinearArgs {
  const float* x;  ///< [rows, in]
  i64 rows;
  WeightView weight;
  const float* bias;  ///< [out] or null
  float* y;  ///< [rows, out]; y = chain over in from 0 of dequantised weight and x, then + bias
  InputLayout x_layout = InputLayout::rows;
};

struct EmbedArgs {
  const i64* ids;  ///< [rows], each in [0, weight.out)
  i64 rows;
  WeightView weight;
  float* y;  ///< [rows, in], the dequantised rows
};

struct NormArgs {
  const float* x;  ///< [rows, width]
  i64 rows;
  i64 width;
  const float* weight;  ///< [width] or null for 1
  const float* bias;    ///< [width] or null for 0 (layer norm)
  float epsilon;
  float* y;
};

enum class RopeLayout { halves, pairs };  ///< (i, i + d/2) or (2i, 2i + 1)
enum class Direction { forward, inverse };

struct RopeArgs {
  const float* x;  ///< [rows, heads, head_size]
  i64 rows;
  i64 heads;
  i64 head_size;
  i64 rotary;        ///< the first `rotary` dimensions turn, the rest pass
  const float* cos;  ///< [rows, rotary / 2]
  const float* sin;
  RopeLayout layout;
  Direction direction;
  float* y;
};

/// One sequence of an attention call.
struct AttentionSequence {
  i64 first_row;       ///< its first query row
  i64 rows;            ///< query rows
  i64 first_position;  ///< key index of the first query row
  i64 keys;            ///< keys stored, the new ones included
  const i64* pages;    ///< page numbers, ceil(keys / page_keys)
};

constexpr i64 page_keys = 64;

/// Floats that one head's keys or values take in a page: keys as panels of 16 keys [head_size][16],
/// values as panels of 16 dimensions [64][16].
constexpr i64 key_page_floats(i64 head_size) { return page_keys * head_size; }
constexpr i64 value_page_floats(i64 head_size) {
  return page_keys * round_up(head_size, panel_rows);
}

/// Paged keys and values of one layer: page p of head h at (p * heads + h) * *_page_floats. Pages
/// start as zeros. Owns nothing.
struct KvPages {
  float* keys = nullptr;
  float* values = nullptr;  ///< null: a value is the first value_size dimensions of its key
  i64 heads = 0;
  i64 key_size = 0;
  i64 value_size = 0;
};

struct StoreKvArgs {
  const float* k;    ///< [rows, heads, key_size]
  const float* v;    ///< [rows, heads, value_size]; not read where pages have no values
  const i64* slots;  ///< [rows] page * 64 + place in the page
  i64 rows;
  KvPages pages;
};

enum class Mask { causal, bidirectional };

struct AttentionArgs {
  const float* q;  ///< [rows, heads, key_size]
  i64 heads;       ///< query heads, a multiple of pages.heads
  KvPages pages;
  std::span<const AttentionSequence> sequences;
  float scale;
  Mask mask;
  i64 window;  ///< 0 = none; causal: i - j < window; bidirectional: |i - j| <= window
  const float* sinks = nullptr;  ///< [heads] a score per head that takes part in the softmax and
                                 ///< has no value, not scaled; or null
  float* y;                      ///< [rows, heads, value_size]; a zero is +0
  float* log_sum;                ///< [rows, heads] m + log(sum), or null; what a gradient needs
};

struct AttentionGradArgs {
  const float* q;  ///< [rows, heads, size]
  const float* k;  ///< [rows, kv_heads, size]
  const float* v;
  const float* y;
  const float* log_sum;
  const float* grad_y;
  i64 heads;
  i64 kv_heads;
  i64 head_size;
  std::span<const AttentionSequence> sequences;
  float scale;
  Mask mask;
  i64 window;
  float* grad_q;
  float* grad_k;  ///< zeroed by the caller
  float* grad_v;
};

/// How the scores of the chosen experts become weights.
enum class ExpertWeights {
  softmax,     ///< softmax over the chosen
  sum_to_one,  ///< score / (sum of the chosen + 1e-20)
  as_scored,
};

struct RouteArgs {
  const float* scores;  ///< [rows, experts]
  const float* bias;    ///< [experts] added for the choice only, or null
  i64 rows;
  i64 experts;
  i64 chosen;       ///< experts per row
  i64 groups;       ///< experts come in this many groups of equal size
  i64 kept_groups;  ///< only the groups with the largest sum of their two best take part
  ExpertWeights weights;
  float factor;  ///< multiplies the weights
  i64* index;    ///< [rows, chosen] best first; of equal ones the lower index
  float* y;      ///< [rows, chosen]
};

/// Which rows an attention of encoders computes.
enum class EncoderRows { all, narrow, wide };

/// Bidirectional softmax attention inside each sequence with what encoders add to it: terms of the
/// place of a key as seen from the query (DeBERTa), tokens that all see (Longformer).
/// score(i, j) = scale * (q_i . k_j + q_i . place_keys[p] + k_j . place_queries[p]), each product a
/// chain over `size`, p = place_of[i - j + longest - 1]; terms that are null are left out. y_i =
/// (chain over j of exp(score - highest) v_j) / lanes sum over j, j counted from the sequence's
/// first row; a zero is +0.
struct EncoderAttentionArgs {
  const float* q;  ///< [rows, heads, size]
  const float* k;
  const float* v;
  i64 heads;
  i64 size;
  const i64* starts;  ///< [sequences + 1]
  i64 sequences;
  float scale;
  const float* place_keys;     ///< [places, heads, size] or null
  const float* place_queries;  ///< [places, heads, size] or null
  i64 places;
  const i64* place_of;  ///< [2 longest - 1], each in [0, places), or null
  i64 longest;          ///< tokens of the longest sequence
  i64 window;           ///< 0: i sees all keys; else those with |i - j| <= window and the wide ones
  const i64* wide;      ///< [rows] not 0: a wide token; null: none is
  EncoderRows which;    ///< the others' y and log_sum stay as they are
  float* y;             ///< [rows, heads, size]
  float* log_sum;       ///< [rows, heads] highest + log(sum), or null; what a gradient needs
};

/// Sums into these, each of its argument's shape; grad_y is given. Those of null arguments are
/// null.
struct EncoderAttentionGrads {
  const float* grad_y;
  float* grad_q;
  float* grad_k;
  float* grad_v;
  float* grad_place_keys;
  float* grad_place_queries;
};

enum class Unary { silu, gelu, gelu_tanh, quick_gelu, relu, tanh, sigmoid, exp };
enum class Binary { add, multiply };

struct SoftmaxArgs {
  const float* x;  ///< [rows, width]
  i64 rows;
  i64 width;
  float* y;  ///< exp(x - max) / lanes sum
};

/// y[i] = x[i] / (1 - rate) where philox(seed, stream, i / 4)[i mod 4] >= rate 2^32, else 0.
struct DropoutArgs {
  const float* x;
  i64 count;
  float rate;  ///< in [0, 1)
  u64 seed;
  u64 stream;
  float* y;
};

struct MixRowsArgs {
  const float* x;       ///< [.., width]
  const i64* index;     ///< [rows, taps]
  const float* weight;  ///< [rows, taps]
  i64 rows;
  i64 taps;
  i64 width;
  float* y;  ///< [rows, width]
};

/// Function pointers of one backend. A null slot raises `unsupported`, naming op and backend
/// (ops/).
struct Kernels {
  std::string_view name;
  /// Bytes of a weight in the panels layout, 0 where the format stays in rows.
  i64 (*panel_bytes)(QuantFormat format, i64 out, i64 in) = nullptr;
  /// Repacks rows to panels: row r of the result is row `row_of[r]` of `rows` (null: r).
  void (*pack)(const Stream&, WeightView rows, const i64* row_of, std::byte* panels) = nullptr;
  void (*linear)(const Stream&, const LinearArgs&) = nullptr;
  void (*embed)(const Stream&, const EmbedArgs&) = nullptr;
  void (*rms_norm)(const Stream&, const NormArgs&) = nullptr;
  void (*layer_norm)(const Stream&, const NormArgs&) = nullptr;
  void (*rope)(const Stream&, const RopeArgs&) = nullptr;
  void (*store_kv)(const Stream&, const StoreKvArgs&) = nullptr;
  void (*attention)(const Stream&, const AttentionArgs&) = nullptr;
  void (*softmax)(const Stream&, const SoftmaxArgs&) = nullptr;
  /// y[i] = f(x[i]); y may be x.
  void (*unary)(const Stream&, Unary, const float* x, i64 count, float* y) = nullptr;
  /// y[i] = f'(x[i]) * g[i].
  void (*unary_grad)(const Stream&, Unary, const float* x, const float* g, i64 count,
                     float* y) = nullptr;
  /// y[i] = a[i] op b[i mod period], period >= 1 divides count.
  void (*binary)(const Stream&, Binary, const float* a, const float* b, i64 count, i64 period,
                 float* y) = nullptr;
  /// y[i] = a * x[i].
  void (*scale)(const Stream&, float a, const float* x, i64 count, float* y) = nullptr;
  /// y[c][r] = x[r][c].
  void (*transpose)(const Stream&, const float* x, i64 rows, i64 columns, float* y) = nullptr;
  /// y[c] = sum over r ascending of x[r][c], one accumulator.
  void (*sum_rows)(const Stream&, const float* x, i64 rows, i64 columns, float* y) = nullptr;
  /// y[r] = x[index[r]], rows of `width`.
  void (*gather_rows)(const Stream&, const float* x, const i64* index, i64 rows, i64 width,
                      float* y) = nullptr;
  /// y[index[r]] = x[r], rows of `width`; no index twice.
  void (*scatter_rows)(const Stream&, const float* x, const i64* index, i64 rows, i64 width,
                       float* y) = nullptr;
  /// y[r] = sum over t ascending of weight[r][t] * x[index[r][t]], multiplied then added, from 0.
  void (*mix_rows)(const Stream&, const MixRowsArgs&) = nullptr;
  /// y[index[r]] += x[r], r ascending.
  void (*scatter_add_rows)(const Stream&, const float* x, const i64* index, i64 rows, i64 width,
                           float* y) = nullptr;
  void (*route)(const Stream&, const RouteArgs&) = nullptr;
  void (*dropout)(const Stream&, const DropoutArgs&) = nullptr;
  /// y[i] = min(max(x[i], low), high).
  void (*clamp)(const Stream&, float low, float high, const float* x, i64 count,
                float* y) = nullptr;
  /// Gradients of the norms, x, weight and g = d/dy given: d/dx in y; d/dweight, d/dbias (or null)
  /// by sum_rows order.
  void (*rms_norm_grad)(const Stream&, const NormArgs&, const float* g,
                        float* grad_weight) = nullptr;
  void (*layer_norm_grad)(const Stream&, const NormArgs&, const float* g, float* grad_weight,
                          float* grad_bias) = nullptr;
  void (*attention_grad)(const Stream&, const AttentionGradArgs&) = nullptr;
  void (*encoder_attention)(const Stream&, const EncoderAttentionArgs&) = nullptr;
  /// y and log_sum of the arguments are what encoder_attention gave.
  void (*encoder_attention_grad)(const Stream&, const EncoderAttentionArgs&,
                                 const EncoderAttentionGrads&) = nullptr;
  /// What the machine can do, for benchmarks: `rounds` of independent fused multiply-adds on one
  /// thread, returning the floating point operations done; and a sum over memory.
  i64 (*multiply_add_burst)(i64 rounds, float* sink) = nullptr;
  float (*read_burst)(const float* x, i64 count) = nullptr;
};

/// A backend that this machine can run, by name ("reference", "avx2", "avx512", "meta"); "auto"
/// takes the fastest. Throws unsupported for one this machine lacks, usage for an unknown name.
const Kernels& kernels_named(std::string_view name);

/// Names that kernels_named accepts here, fastest first, without "meta".
std::vector<std::string> available_backends();

const Kernels& meta_kernels();
const Kernels& reference_kernels();

}  // namespace medlar::backend
