#pragma once

#include <vector>

#include "formats/checkpoint.h"
#include "ops/context.h"
#include "ops/weight.h"

namespace medlar::nn {

/// What a container did to a matrix that the family writes as [out, in].
enum class Stored {
  as_is,
  transposed,  ///< [in, out], as TensorFlow kernels and GPT-2's Conv1D are
  rope_pairs,  ///< rows of each head reordered so that pairs (2i, 2i + 1) turn: undone at load
};

/// Which rows of a stored matrix are ours, where a container fused several into one (columns of a
/// transposed one).
enum class Rows {
  all,
  first,         ///< the first rows, e.g. q of q|k|v
  next_to_last,  ///< as many rows as we have, before the last as many: k of q|k|v
  last,          ///< the last rows: v of q|k|v, up of gate|up
  even,          ///< rows 0, 2, 4, ..: gate of interleaved gate and up
  odd,
  first_inputs,  ///< all rows, but only the first of the inputs
  megatron_q,    ///< of query, key and value under one name, in the order of Megatron-LM's
  megatron_k,    ///< "checkpoint_version": 0 part, head, row; 1 head, row, part; from 2 on head,
  megatron_v,    ///< part, row
};

/// A tensor of a checkpoint, or one matrix of a stack, and how to read it.
struct StoredMatrix {
  formats::StoredTensor tensor;
  Stored stored = Stored::as_is;
  Rows rows = Rows::all;
  double megatron_version = 0.0;

  i64 stored_rows() const { return tensor.shape[stored == Stored::transposed ? 1 : 0]; }
};

/// Rows [first, first + count) of a matrix's `out` rows: what one rank holds.
struct RowRange {
  i64 first;
  i64 count;
};

/// The stored row of each row of `range`. heads: how many heads the out rows are (rope_pairs,
/// megatron).
std::vector<i64> stored_row_of(const StoredMatrix& matrix, i64 out, RowRange range, i64 heads);

/// The rows as the kernels take them: repacked to panels where the format has them, mapped in place
/// where they lie so already, copied otherwise. plain: row_of is a run of consecutive rows.
ops::Weight hold(ops::Context& ctx, const StoredMatrix& matrix, const std::vector<i64>& row_of,
                 i64 in);

/// The rows dequantised, for a trainer to change.
ops::Weight hold_trainable(ops::Context& ctx, const StoredMatrix& matrix,
                           const std::vector<i64>& row_of, i64 in);

}  // namespace medlar::nn
