#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "backend/kernels.h"

/// What all cpu variants share: layouts, visibility, and the kernels that have one implementation.
namespace medlar::backend::cpu {

/// Elements that one task of a pointwise kernel takes: 64 KiB of floats, well over the cost of a
/// task.
constexpr i64 pointwise_grain = 1 << 14;

/// Sum of 16 lanes by the fixed tree.
inline float lanes_total(float (&lanes)[16]) {
  for (int width = 8; width >= 1; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

/// Place of key j's dimension d in a key page; of value j's dimension d in a value page.
constexpr i64 key_offset(i64 key_size, i64 j, i64 d) {
  return (j / 16 * key_size + d) * 16 + j % 16;
}
constexpr i64 value_offset(i64 j, i64 d) { return (d / 16 * page_keys + j) * 16 + d % 16; }

struct KeyRange {
  i64 begin;
  i64 end;
  bool contains(i64 key) const { return key >= begin && key < end; }
};

/// Keys that the query in `row` of the batch may see; never empty.
inline KeyRange visible_keys(Mask mask, i64 window, const AttentionSequence& s, i64 row) {
  const i64 i = s.first_position + (row - s.first_row);
  if (mask == Mask::causal) {
    return {window > 0 ? std::max(i64{0}, i - window + 1) : 0, std::min(i + 1, s.keys)};
  }
  if (window == 0) return {0, s.keys};
  return {std::max(i64{0}, i - window), std::min(i + window + 1, s.keys)};
}

/// Whether token i of the sequence that starts at row `first` sees its token j.
inline bool encoder_sees(const EncoderAttentionArgs& a, i64 first, i64 i, i64 j) {
  const i64 distance = i < j ? j - i : i - j;
  return a.window == 0 || distance <= a.window || (a.wide != nullptr && a.wide[first + j] != 0);
}

/// Whether the row of the batch is one of those to compute.
inline bool encoder_computes(const EncoderAttentionArgs& a, i64 row) {
  const bool wide = a.wide != nullptr && a.wide[row] != 0;
  return a.which == EncoderRows::all || wide == (a.which == EncoderRows::wide);
}

/// Bytes of one panel of 16 rows, 0 where the format is kept in rows.
i64 panel_stride(QuantFormat format, i64 in);

/// Dequantises row `o` of a weight in either layout to `in` floats.
void read_row(const WeightView& w, i64 o, float* values);

/// Dequantises columns [first, first + count) of 16 rows from row `o` on, transposed to
/// [count][16]; absent rows give zeros. count and first are multiples of the format's block. For
/// weights in rows.
void read_panel_from_rows(const WeightView& w, i64 o, i64 first, i64 count, float* values);

/// A table with the slots that do not differ between cpu variants: packing, embedding, rope,
/// storing keys and values, moving rows, gradients.
Kernels shared_kernels();
void add_gradients(Kernels& kernels);
void route(const Stream& stream, const RouteArgs& a);

/// The attentions of encoders in plain loops, and their gradient for all variants.
void encoder_attention(const Stream& stream, const EncoderAttentionArgs& a);
void encoder_attention_grad(const Stream& stream, const EncoderAttentionArgs& a,
                            const EncoderAttentionGrads& g);

/// The vector variants; null where the processor or the build lacks the instructions.
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();

/// Uninitialised floats, 64-byte aligned. Used by the vector kernels, which must not instantiate
/// library templates: code compiled for AVX-512 could be picked by the linker for everyone.
class Scratch {
 public:
  explicit Scratch(i64 floats);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  float* data() { return data_; }

 private:
  float* data_;
};

}  // namespace medlar::backend::cpu
