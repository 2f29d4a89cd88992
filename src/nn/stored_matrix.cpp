#include "nn/stored_matrix.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/mapped_file.h"

namespace medlar::nn {
namespace {

using backend::WeightLayout;

/// 64-byte aligned memory for packed weights.
std::shared_ptr<std::byte> packed_memory(i64 bytes) {
  void* memory =
      std::aligned_alloc(64, static_cast<std::size_t>(round_up(std::max(bytes, i64{1}), 64)));
  if (memory == nullptr)
    fail(ErrorCode::out_of_memory, "cannot allocate {} bytes for weights", bytes);
  return {static_cast<std::byte*>(memory), [](std::byte* p) { std::free(p); }};
}

/// As fix_query_key_value_ordering of transformers' Megatron converters undoes it.
i64 megatron_row(double version, i64 part, i64 out, i64 heads, i64 r) {
  constexpr i64 parts = 3;
  MEDLAR_CHECK(heads > 0 && out % heads == 0);
  const i64 size = out / heads;
  if (version < 1.0) return part * out + r;
  if (version < 2.0) return r * parts + part;
  return (r / size * parts + part) * size + r % size;
}

/// Row r of a fused matrix's `out` rows in the stored one.
i64 fused_row(const StoredMatrix& matrix, i64 out, i64 heads, i64 r) {
  switch (matrix.rows) {
    case Rows::all:
    case Rows::first_inputs:
    case Rows::first:
      return r;
    case Rows::next_to_last:
      return matrix.stored_rows() - 2 * out + r;
    case Rows::last:
      return matrix.stored_rows() - out + r;
    case Rows::even:
      return 2 * r;
    case Rows::odd:
      return 2 * r + 1;
    case Rows::megatron_q:
      return megatron_row(matrix.megatron_version, 0, out, heads, r);
    case Rows::megatron_k:
      return megatron_row(matrix.megatron_version, 1, out, heads, r);
    case Rows::megatron_v:
      return megatron_row(matrix.megatron_version, 2, out, heads, r);
  }
  return r;
}

bool consecutive(const std::vector<i64>& rows) {
  for (std::size_t r = 1; r < rows.size(); ++r) {
    if (rows[r] != rows[r - 1] + 1) return false;
  }
  return true;
}

/// The wanted columns of a transposed matrix as rows.
std::shared_ptr<std::byte> turned(const StoredMatrix& matrix, const std::vector<i64>& row_of,
                                  i64 in) {
  const i64 element = bytes_of(matrix.tensor.format, 1);
  const i64 columns = matrix.stored_rows();
  const std::shared_ptr<std::byte> memory = packed_memory(ssize_of(row_of) * in * element);
  std::byte* to = memory.get();
  for (const i64 row : row_of) {
    for (i64 k = 0; k < in; ++k, to += element) {
      std::memcpy(to, matrix.tensor.bytes.data() + (k * columns + row) * element,
                  static_cast<std::size_t>(element));
    }
  }
  return memory;
}

/// A matrix whose blocks cannot be cut by columns, as plain f32.
StoredMatrix unpacked(const StoredMatrix& matrix) {
  StoredMatrix plain = matrix;
  const i64 count = matrix.tensor.shape.count();
  const std::shared_ptr<std::byte> memory = packed_memory(count * 4);
  dequantise(matrix.tensor.format, matrix.tensor.bytes,
             {reinterpret_cast<float*>(memory.get()), static_cast<std::size_t>(count)});
  plain.tensor.format = QuantFormat::f32;
  plain.tensor.bytes = {memory.get(), static_cast<std::size_t>(count * 4)};
  plain.tensor.owner = memory;
  return plain;
}

bool in_blocks(const StoredMatrix& matrix) {
  return layout_of(matrix.tensor.format).block_values != 1;
}

/// The wanted rows one after the other: where they lie if that is so, else a copy.
ops::Weight as_rows(const StoredMatrix& matrix, const std::vector<i64>& row_of, i64 in) {
  const formats::StoredTensor& tensor = matrix.tensor;
  const i64 stride = bytes_of(tensor.format, in);
  ops::Weight weight = {.view = {.format = tensor.format,
                                 .layout = WeightLayout::rows,
                                 .data = tensor.bytes.data(),
                                 .out = ssize_of(row_of),
                                 .in = in},
                        .owner = tensor.owner,
                        .trainable = std::nullopt};
  std::shared_ptr<std::byte> memory;
  if (matrix.stored == Stored::transposed) {
    memory = turned(matrix, row_of, in);
  } else if (row_of.empty() || consecutive(row_of)) {
    if (!row_of.empty()) weight.view.data += row_of[0] * stride;
    return weight;
  } else {
    memory = packed_memory(stride * ssize_of(row_of));
    for (std::size_t r = 0; r < row_of.size(); ++r) {
      std::memcpy(memory.get() + static_cast<i64>(r) * stride,
                  tensor.bytes.data() + row_of[r] * stride, static_cast<std::size_t>(stride));
    }
  }
  weight.view.data = memory.get();
  weight.owner = memory;
  release_pages(tensor.bytes);
  return weight;
}

}  // namespace

/// rope_pairs: stored row (h, 2j + s) is our row (h, s d/2 + j).
std::vector<i64> stored_row_of(const StoredMatrix& matrix, i64 out, RowRange range, i64 heads) {
  std::vector<i64> order(static_cast<std::size_t>(range.count));
  for (i64 i = 0; i < range.count; ++i) {
    i64 row = range.first + i;
    if (matrix.stored == Stored::rope_pairs) {
      MEDLAR_CHECK(heads > 0 && out % (2 * heads) == 0);
      const i64 size = out / heads;
      const i64 within = row % size;
      row = row - within + 2 * (within % (size / 2)) + within / (size / 2);
    }
    order[static_cast<std::size_t>(i)] = fused_row(matrix, out, heads, row);
  }
  return order;
}

ops::Weight hold(ops::Context& ctx, const StoredMatrix& matrix, const std::vector<i64>& row_of,
                 i64 in) {
  if (matrix.stored == Stored::transposed && in_blocks(matrix))
    return hold(ctx, unpacked(matrix), row_of, in);
  const i64 packed_bytes = ctx.kernels.panel_bytes(matrix.tensor.format, ssize_of(row_of), in);
  if (packed_bytes == 0) return as_rows(matrix, row_of, in);
  const bool turn = matrix.stored == Stored::transposed;
  ops::Weight weight = turn ? as_rows(matrix, row_of, in) : ops::Weight{};
  const backend::WeightView source = {.format = matrix.tensor.format,
                                      .layout = WeightLayout::rows,
                                      .data = turn ? weight.view.data : matrix.tensor.bytes.data(),
                                      .out = ssize_of(row_of),
                                      .in = in};
  const std::shared_ptr<std::byte> memory = packed_memory(packed_bytes);
  ctx.kernels.pack(ctx.stream, source, turn ? nullptr : row_of.data(), memory.get());
  weight.view = source;
  weight.view.layout = WeightLayout::panels;
  weight.view.data = memory.get();
  weight.owner = memory;
  release_pages(matrix.tensor.bytes);
  return weight;
}

ops::Weight hold_trainable(ops::Context& ctx, const StoredMatrix& matrix,
                           const std::vector<i64>& row_of, i64 in) {
  const ops::Weight rows = as_rows(matrix, row_of, in);
  Tensor values = Tensor::empty(ctx.pool, {ssize_of(row_of), in});
  dequantise(rows.view.format,
             {rows.view.data, static_cast<std::size_t>(bytes_of(rows.view.format, values.count()))},
             {values.f32(), static_cast<std::size_t>(values.count())});
  return ops::trainable_weight(values);
}

}  // namespace medlar::nn
