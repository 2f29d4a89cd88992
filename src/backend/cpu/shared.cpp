#include "backend/cpu/shared.h"

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/numeric.h"
#include "base/quant.h"
#include "base/rng.h"

namespace medlar::backend::cpu {
namespace {

constexpr i64 q8_block = 32;
constexpr i64 q8_row_block_bytes = 34;  // fp16 scale, 32 int8
constexpr i64 q8_panel_block_bytes =
    panel_rows * q8_row_block_bytes;  // 16 scales, then [32][16] int8

/// A stored row as bytes.
Bytes row_bytes(const WeightView& w, i64 o) {
  const i64 stride = bytes_of(w.format, w.in);
  return {w.data + o * stride, static_cast<std::size_t>(stride)};
}

void pack_plain(const WeightView& rows, const i64* row_of, i64 panel, std::byte* out, i64 element) {
  for (i64 lane = 0; lane < panel_rows; ++lane) {
    const i64 o = panel * panel_rows + lane;
    const std::byte* from =
        o < rows.out ? row_bytes(rows, row_of != nullptr ? row_of[o] : o).data() : nullptr;
    for (i64 k = 0; k < rows.in; ++k) {
      std::byte* to = out + (k * panel_rows + lane) * element;
      if (from != nullptr) {
        std::memcpy(to, from + k * element, static_cast<std::size_t>(element));
      } else {
        std::memset(to, 0, static_cast<std::size_t>(element));
      }
    }
  }
}

void pack_q8(const WeightView& rows, const i64* row_of, i64 panel, std::byte* out) {
  std::memset(out, 0, static_cast<std::size_t>(panel_stride(rows.format, rows.in)));
  for (i64 lane = 0; lane < panel_rows; ++lane) {
    const i64 o = panel * panel_rows + lane;
    if (o >= rows.out) continue;
    const std::byte* from = row_bytes(rows, row_of != nullptr ? row_of[o] : o).data();
    for (i64 b = 0; b < rows.in / q8_block; ++b) {
      const std::byte* block = from + b * q8_row_block_bytes;
      std::byte* to = out + b * q8_panel_block_bytes;
      std::memcpy(to + lane * 2, block, 2);
      for (i64 k = 0; k < q8_block; ++k) to[2 * panel_rows + k * panel_rows + lane] = block[2 + k];
    }
  }
}

void pack(const Stream& stream, WeightView rows, const i64* row_of, std::byte* panels) {
  const i64 stride = panel_stride(rows.format, rows.in);
  MEDLAR_CHECK(stride > 0 && rows.layout == WeightLayout::rows);
  stream.threads->parallel_for(ceil_div(rows.out, panel_rows), 4, [&](i64 begin, i64 end) {
    for (i64 panel = begin; panel < end; ++panel) {
      if (rows.format == QuantFormat::q8_0) {
        pack_q8(rows, row_of, panel, panels + panel * stride);
      } else {
        pack_plain(rows, row_of, panel, panels + panel * stride, bytes_of(rows.format, 1));
      }
    }
  });
}

i64 panel_bytes(QuantFormat format, i64 out, i64 in) {
  return panel_stride(format, in) * ceil_div(out, panel_rows);
}

float panel_value(const WeightView& w, const std::byte* panel, i64 lane, i64 k) {
  switch (w.format) {
    case QuantFormat::f32: {
      float value = 0.0f;
      std::memcpy(&value, panel + (k * panel_rows + lane) * 4, 4);
      return value;
    }
    case QuantFormat::bf16:
    case QuantFormat::f16: {
      u16 bits = 0;
      std::memcpy(&bits, panel + (k * panel_rows + lane) * 2, 2);
      return w.format == QuantFormat::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
    }
    default: {
      const std::byte* block = panel + k / q8_block * q8_panel_block_bytes;
      u16 scale = 0;
      std::memcpy(&scale, block + lane * 2, 2);
      const auto q = static_cast<i8>(block[2 * panel_rows + k % q8_block * panel_rows + lane]);
      return f16_to_f32(scale) * static_cast<float>(q);
    }
  }
}

void embed(const Stream& stream, const EmbedArgs& a) {
  stream.threads->parallel_for(a.rows, 8, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) read_row(a.weight, a.ids[r], a.y + r * a.weight.in);
  });
}

void rope(const Stream& stream, const RopeArgs& a) {
  const i64 half = a.rotary / 2;
  stream.threads->parallel_for(a.rows, 8, [&](i64 begin, i64 end) {
    for (i64 row = begin; row < end; ++row) {
      const float* cos = a.cos + row * half;
      const float* sin = a.sin + row * half;
      for (i64 h = 0; h < a.heads; ++h) {
        const float* x = a.x + (row * a.heads + h) * a.head_size;
        float* y = a.y + (row * a.heads + h) * a.head_size;
        for (i64 i = 0; i < half; ++i) {
          const i64 first = a.layout == RopeLayout::halves ? i : 2 * i;
          const i64 second = a.layout == RopeLayout::halves ? i + half : 2 * i + 1;
          const float s = a.direction == Direction::forward ? sin[i] : -sin[i];
          const float x1 = x[first];
          const float x2 = x[second];
          y[first] = std::fma(-x2, s, x1 * cos[i]);
          y[second] = std::fma(x1, s, x2 * cos[i]);
        }
        std::copy(x + a.rotary, x + a.head_size, y + a.rotary);
      }
    }
  });
}

void store_kv(const Stream& stream, const StoreKvArgs& a) {
  const KvPages& kv = a.pages;
  stream.threads->parallel_for(a.rows, 16, [&](i64 begin, i64 end) {
    for (i64 row = begin; row < end; ++row) {
      const i64 page = a.slots[row] / page_keys;
      const i64 j = a.slots[row] % page_keys;
      for (i64 h = 0; h < kv.heads; ++h) {
        float* keys = kv.keys + (page * kv.heads + h) * key_page_floats(kv.key_size);
        const float* k = a.k + (row * kv.heads + h) * kv.key_size;
        for (i64 d = 0; d < kv.key_size; ++d) keys[key_offset(kv.key_size, j, d)] = k[d];
        if (kv.values == nullptr) continue;
        float* values = kv.values + (page * kv.heads + h) * value_page_floats(kv.value_size);
        const float* v = a.v + (row * kv.heads + h) * kv.value_size;
        for (i64 d = 0; d < kv.value_size; ++d) values[value_offset(j, d)] = v[d];
      }
    }
  });
}

void binary(const Stream& stream, Binary op, const float* a, const float* b, i64 count, i64 period,
            float* y) {
  stream.threads->parallel_for(ceil_div(count, period), std::max(i64{1}, pointwise_grain / period),
                               [&](i64 begin, i64 end) {
                                 for (i64 r = begin; r < end; ++r) {
                                   const float* from = a + r * period;
                                   float* to = y + r * period;
                                   if (op == Binary::add) {
                                     for (i64 i = 0; i < period; ++i) to[i] = from[i] + b[i];
                                   } else {
                                     for (i64 i = 0; i < period; ++i) to[i] = from[i] * b[i];
                                   }
                                 }
                               });
}

/// Two tensors of one shape are one period; cut it so that the threads share it.
void binary_any(const Stream& stream, Binary op, const float* a, const float* b, i64 count,
                i64 period, float* y) {
  if (period < count) return binary(stream, op, a, b, count, period, y);
  stream.threads->parallel_for(count, pointwise_grain, [&](i64 begin, i64 end) {
    if (op == Binary::add) {
      for (i64 i = begin; i < end; ++i) y[i] = a[i] + b[i];
    } else {
      for (i64 i = begin; i < end; ++i) y[i] = a[i] * b[i];
    }
  });
}

void scale(const Stream& stream, float a, const float* x, i64 count, float* y) {
  stream.threads->parallel_for(count, pointwise_grain, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) y[i] = a * x[i];
  });
}

void transpose(const Stream& stream, const float* x, i64 rows, i64 columns, float* y) {
  constexpr i64 tile = 16;  // 16 x 16 floats: a cache line each way
  stream.threads->parallel_for(ceil_div(columns, tile), 1, [&](i64 begin, i64 end) {
    for (i64 c0 = begin * tile; c0 < std::min(end * tile, columns); c0 += tile) {
      for (i64 r0 = 0; r0 < rows; r0 += tile) {
        for (i64 c = c0; c < std::min(c0 + tile, columns); ++c) {
          for (i64 r = r0; r < std::min(r0 + tile, rows); ++r) y[c * rows + r] = x[r * columns + c];
        }
      }
    }
  });
}

void sum_rows(const Stream& stream, const float* x, i64 rows, i64 columns, float* y) {
  stream.threads->parallel_for(columns, 64, [&](i64 begin, i64 end) {
    for (i64 c = begin; c < end; ++c) y[c] = 0.0f;
    for (i64 r = 0; r < rows; ++r) {
      for (i64 c = begin; c < end; ++c) y[c] += x[r * columns + c];
    }
  });
}

void gather_rows(const Stream& stream, const float* x, const i64* index, i64 rows, i64 width,
                 float* y) {
  stream.threads->parallel_for(rows, 16, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) std::copy_n(x + index[r] * width, width, y + r * width);
  });
}

void scatter_rows(const Stream& stream, const float* x, const i64* index, i64 rows, i64 width,
                  float* y) {
  stream.threads->parallel_for(rows, 16, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) std::copy_n(x + r * width, width, y + index[r] * width);
  });
}

void mix_rows(const Stream& stream, const MixRowsArgs& a) {
  stream.threads->parallel_for(a.rows, 1, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      float* y = a.y + r * a.width;
      std::fill_n(y, a.width, 0.0f);
      for (i64 t = r * a.taps; t < (r + 1) * a.taps; ++t) {
        const float* x = a.x + a.index[t] * a.width;
        for (i64 c = 0; c < a.width; ++c) y[c] += a.weight[t] * x[c];
      }
    }
  });
}

void scatter_add_rows(const Stream& stream, const float* x, const i64* index, i64 rows, i64 width,
                      float* y) {
  stream.threads->parallel_for(width, 64, [&](i64 begin, i64 end) {
    for (i64 r = 0; r < rows; ++r) {
      for (i64 c = begin; c < end; ++c) y[index[r] * width + c] += x[r * width + c];
    }
  });
}

void dropout(const Stream& stream, const DropoutArgs& a) {
  const float factor = 1.0f / (1.0f - a.rate);
  const u64 threshold = static_cast<u64>(static_cast<double>(a.rate) * 0x1p32);
  stream.threads->parallel_for(ceil_div(a.count, 4), pointwise_grain / 16, [&](i64 begin, i64 end) {
    for (i64 four = begin; four < end; ++four) {
      const std::array<u32, 4> random = philox(a.seed, a.stream, static_cast<u64>(four));
      for (i64 i = 4 * four; i < std::min(4 * four + 4, a.count); ++i)
        a.y[i] = random[static_cast<std::size_t>(i % 4)] >= threshold ? a.x[i] * factor : 0.0f;
    }
  });
}

void clamp(const Stream& stream, float low, float high, const float* x, i64 count, float* y) {
  stream.threads->parallel_for(count, pointwise_grain, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) y[i] = std::min(std::max(x[i], low), high);
  });
}

}  // namespace

i64 panel_stride(QuantFormat format, i64 in) {
  switch (format) {
    case QuantFormat::f32:
      return panel_rows * 4 * in;
    case QuantFormat::bf16:
    case QuantFormat::f16:
      return panel_rows * 2 * in;
    case QuantFormat::q8_0:
      return in / q8_block * q8_panel_block_bytes;
    default:
      return 0;
  }
}

void read_row(const WeightView& w, i64 o, float* values) {
  if (w.layout == WeightLayout::rows) {
    return dequantise(w.format, row_bytes(w, o), {values, static_cast<std::size_t>(w.in)});
  }
  if (w.layout == WeightLayout::columns) {
    const float* column = reinterpret_cast<const float*>(w.data) + o;
    for (i64 k = 0; k < w.in; ++k) values[k] = column[k * w.out];
    return;
  }
  const std::byte* panel = w.data + o / panel_rows * panel_stride(w.format, w.in);
  for (i64 k = 0; k < w.in; ++k) values[k] = panel_value(w, panel, o % panel_rows, k);
}

void read_panel_from_rows(const WeightView& w, i64 o, i64 first, i64 count, float* values) {
  constexpr i64 most = 256;
  MEDLAR_CHECK(count <= most);
  float row[most];
  const i64 stride = bytes_of(w.format, w.in);
  const i64 offset = bytes_of(w.format, first);
  const auto bytes = static_cast<std::size_t>(bytes_of(w.format, count));
  for (i64 lane = 0; lane < panel_rows; ++lane) {
    if (o + lane < w.out) {
      dequantise(w.format, {w.data + (o + lane) * stride + offset, bytes},
                 {row, static_cast<std::size_t>(count)});
    } else {
      std::fill_n(row, count, 0.0f);
    }
    for (i64 k = 0; k < count; ++k) values[k * panel_rows + lane] = row[k];
  }
}

Scratch::Scratch(i64 floats)
    : data_(static_cast<float*>(
          std::aligned_alloc(64, static_cast<std::size_t>(round_up(floats, 16) * 4)))) {
  if (data_ == nullptr)
    fail(ErrorCode::out_of_memory, "cannot allocate {} floats of scratch", floats);
}

Scratch::~Scratch() { std::free(data_); }

Kernels shared_kernels() {
  Kernels kernels;
  kernels.panel_bytes = panel_bytes;
  kernels.pack = pack;
  kernels.embed = embed;
  kernels.rope = rope;
  kernels.store_kv = store_kv;
  kernels.binary = binary_any;
  kernels.scale = scale;
  kernels.transpose = transpose;
  kernels.sum_rows = sum_rows;
  kernels.gather_rows = gather_rows;
  kernels.scatter_rows = scatter_rows;
  kernels.mix_rows = mix_rows;
  kernels.scatter_add_rows = scatter_add_rows;
  kernels.clamp = clamp;
  kernels.route = route;
  kernels.dropout = dropout;
  add_gradients(kernels);
  return kernels;
}

}  // namespace medlar::backend::cpu
