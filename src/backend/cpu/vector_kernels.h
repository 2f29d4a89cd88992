#pragma once

// The vector kernels, one source for every instruction set: avx2.cpp and avx512.cpp include this
// file under their own flags. Internal linkage throughout and no library templates (see lanes.h).

#include "backend/cpu/lanes.h"
#include "backend/cpu/shared.h"
#include "backend/cpu/vector_attention.h"
#include "backend/cpu/vector_encoder_attention.h"
#include "backend/cpu/vector_gradients.h"
#include "backend/cpu/vector_loops.h"
#include "backend/cpu/vector_tile.h"

namespace medlar::backend::cpu {
namespace {

constexpr i64 chunk = 256;  // inputs unpacked at a time: 16 KiB of floats a panel, half of L1
constexpr i64 block_rows = 8 * tile_rows;  // activations that pass a panel: 48 KiB a chunk on AVX2
constexpr i64 group = 8;  // panels that share one pass over the activations: 128 KiB a chunk, in L2

/// Rows [m, m + rows) of the activations as one tile [in][rows]; a full tile has a constant count.
inline void pack_tile(const LinearArgs& a, i64 m, i64 rows, float* packed) {
  const i64 in = a.weight.in;
  const auto pack = [&](i64 count) {
    if (a.x_layout == InputLayout::columns) {
      for (i64 k = 0; k < in; ++k) {
        for (i64 r = 0; r < count; ++r) packed[k * count + r] = a.x[k * a.rows + m + r];
      }
    } else {
      for (i64 k = 0; k < in; ++k) {
        for (i64 r = 0; r < count; ++r) packed[k * count + r] = a.x[(m + r) * in + k];
      }
    }
  };
  if (rows == tile_rows) {
    pack(tile_rows);
  } else {
    pack(rows);
  }
}

// ---- linear ----

/// Where the results of a tile go, and what they start from.
struct TileTarget {
  float* y;  ///< first row, first column of the tile
  i64 stride;
  i64 columns;        ///< columns that exist from y on
  bool first;         ///< sums start from 0, else from y
  const float* bias;  ///< added after the last chunk, or null
};

template <int Rows, int Panels>
void run_tile(const float* a, const float* const* b, i64 depth, const TileTarget& t) {
  Lanes c[Rows][Panels];
  for (int r = 0; r < Rows; ++r) {
    for (int p = 0; p < Panels; ++p) {
      const float* y = t.y + r * t.stride + p * panel_rows;
      const i64 valid = t.columns - p * panel_rows;
      c[r][p] = t.first ? splat(0.0f) : valid >= panel_rows ? load(y) : load_part(y, valid, 0.0f);
    }
  }
  tile<Rows, Panels>(a, b, depth, c);
  for (int r = 0; r < Rows; ++r) {
    for (int p = 0; p < Panels; ++p) {
      float* y = t.y + r * t.stride + p * panel_rows;
      const i64 valid = t.columns - p * panel_rows;
      if (t.bias != nullptr) {
        const float* bias = t.bias + p * panel_rows;
        c[r][p] = c[r][p] + (valid >= panel_rows ? load(bias) : load_part(bias, valid, 0.0f));
      }
      if (valid >= panel_rows) {
        store(y, c[r][p]);
      } else {
        store_part(y, c[r][p], valid);
      }
    }
  }
}

template <int Panels>
void run_rows(i64 rows, const float* a, const float* const* b, i64 depth, const TileTarget& t) {
  switch (rows) {
    case 1:
      return run_tile<1, Panels>(a, b, depth, t);
    case 2:
      return run_tile<2, Panels>(a, b, depth, t);
    case 3:
      return run_tile<3, Panels>(a, b, depth, t);
    case 4:
      return run_tile<4, Panels>(a, b, depth, t);
    case 5:
      return run_tile<5, Panels>(a, b, depth, t);
    case 6:
      return run_tile<6, Panels>(a, b, depth, t);
#if defined(__AVX512F__)
    case 7:
      return run_tile<7, Panels>(a, b, depth, t);
    case 8:
      return run_tile<8, Panels>(a, b, depth, t);
    case 9:
      return run_tile<9, Panels>(a, b, depth, t);
    case 10:
      return run_tile<10, Panels>(a, b, depth, t);
    case 11:
      return run_tile<11, Panels>(a, b, depth, t);
    case 12:
      return run_tile<12, Panels>(a, b, depth, t);
#endif
    default:
      return;
  }
}

constexpr i64 q8_values = 32;
constexpr i64 q8_block_bytes = panel_rows * 34;

/// One panel's weights for inputs [k0, k0 + depth) as floats [depth][16]: a pointer into the weight
/// itself for f32 panels, else unpacked into `scratch`.
const float* panel_chunk(const WeightView& w, i64 panel, i64 k0, i64 depth, float* scratch) {
  if (w.layout == WeightLayout::rows) {
    read_panel_from_rows(w, panel * panel_rows, k0, depth, scratch);
    return scratch;
  }
  if (w.layout == WeightLayout::columns) {
    const i64 o = panel * panel_rows;
    const float* from = reinterpret_cast<const float*>(w.data) + k0 * w.out + o;
    const i64 valid = w.out - o;
    for (i64 k = 0; k < depth; ++k, from += w.out)
      store(scratch + k * 16, valid >= panel_rows ? load(from) : load_part(from, valid, 0.0f));
    return scratch;
  }
  const std::byte* data = w.data + panel * panel_stride(w.format, w.in);
  switch (w.format) {
    case QuantFormat::f32:
      return reinterpret_cast<const float*>(data) + k0 * panel_rows;
    case QuantFormat::bf16:
      for (i64 k = 0; k < depth; ++k) store(scratch + k * 16, load_bf16(data + (k0 + k) * 32));
      return scratch;
    case QuantFormat::f16:
      for (i64 k = 0; k < depth; ++k) store(scratch + k * 16, load_f16(data + (k0 + k) * 32));
      return scratch;
    default:
      for (i64 b = 0; b < depth / q8_values; ++b) {
        const std::byte* block = data + (k0 / q8_values + b) * q8_block_bytes;
        const Lanes scale = load_f16(block);
        for (i64 k = 0; k < q8_values; ++k) {
          store(scratch + (b * q8_values + k) * 16, scale * load_i8(block + 32 + k * 16));
        }
      }
      return scratch;
  }
}

/// Rows [first, last) of the packed activations and a chunk of their inputs.
struct RowBlock {
  const float* packed;
  i64 first;
  i64 last;
  i64 k0;
  i64 depth;
};

/// All tiles of a block against one panel, or two where the tile is that wide: the panel stays in
/// L1 while the block passes. Returns the panels done.
inline i64 run_block(const LinearArgs& a, const RowBlock& block, i64 panel, i64 last,
                     const float* const* b) {
  const i64 in = a.weight.in;
  const i64 out = a.weight.out;
  const i64 column = panel * panel_rows;
  const bool wide = tile_panels == 2 && panel + 1 < last;
  for (i64 m = block.first; m < block.last; m += tile_rows) {
    const i64 rows = least(tile_rows, a.rows - m);
    const float* x = block.packed + m * in + block.k0 * rows;
    const TileTarget target = {
        .y = a.y + m * out + column,
        .stride = out,
        .columns = out - column,
        .first = block.k0 == 0,
        .bias = a.bias != nullptr && block.k0 + block.depth == in ? a.bias + column : nullptr};
    if (wide) {
      run_rows<2>(rows, x, b, block.depth, target);
    } else {
      run_rows<1>(rows, x, b, block.depth, target);
    }
  }
  return wide ? 2 : 1;
}

/// Many rows: unpack a chunk of some panels once, use it for all rows.
void linear_rows(const Stream& stream, const LinearArgs& a) {
  const WeightView& w = a.weight;
  const i64 panels = ceil_div(w.out, panel_rows);
  const i64 tiles = ceil_div(a.rows, i64{tile_rows});
  Scratch packed(a.rows * w.in);
  stream.threads->parallel_for(tiles, 4, [&](i64 begin, i64 end) {
    for (i64 m = begin * tile_rows; m < least(end * tile_rows, a.rows); m += tile_rows) {
      pack_tile(a, m, least(tile_rows, a.rows - m), packed.data() + m * w.in);
    }
  });
  // As many groups for each thread, of a multiple of the tile's width.
  const i64 groups = round_up(ceil_div(panels, group), stream.threads->size());
  const i64 together = round_up(ceil_div(panels, groups), tile_panels);
  stream.threads->parallel_for(ceil_div(panels, together), 1, [&](i64 begin, i64 end) {
    Scratch unpacked(group * chunk * panel_rows);
    for (i64 g = begin; g < end; ++g) {
      const i64 first = g * together;
      const i64 last = least(first + together, panels);
      for (i64 k0 = 0; k0 < w.in; k0 += chunk) {
        const i64 depth = least(chunk, w.in - k0);
        const float* b[group];
        for (i64 p = first; p < last; ++p) {
          b[p - first] =
              panel_chunk(w, p, k0, depth, unpacked.data() + (p - first) * chunk * panel_rows);
        }
        for (i64 m = 0; m < a.rows; m += block_rows) {
          const RowBlock block = {.packed = packed.data(),
                                  .first = m,
                                  .last = least(m + block_rows, a.rows),
                                  .k0 = k0,
                                  .depth = depth};
          for (i64 p = first; p < last;) p += run_block(a, block, p, last, b + (p - first));
        }
      }
    }
  });
}

/// One row against `Panels` panels side by side: as many streams of memory, enough independent sums
/// to hide the latency of fma. sum[p] += chain over k in [0, depth) of x[k] and what `weights(p,
/// k)` loads.
template <int Panels, typename Weights>
inline void gemv_chain(const float* x, i64 depth, Lanes (&sum)[Panels], Weights weights) {
  Lanes local[Panels];
#pragma GCC unroll 8
  for (int p = 0; p < Panels; ++p) local[p] = sum[p];
  for (i64 k = 0; k < depth; ++k) {
    const Lanes xk = splat(x[k]);
#pragma GCC unroll 8
    for (int p = 0; p < Panels; ++p) local[p] = fma(xk, weights(p, k), local[p]);
  }
#pragma GCC unroll 8
  for (int p = 0; p < Panels; ++p) sum[p] = local[p];
}

template <int Panels>
void gemv_panels(const WeightView& w, const float* x, i64 panel, Lanes (&sum)[Panels]) {
  const i64 stride = panel_stride(w.format, w.in);
  const std::byte* data = w.data + panel * stride;
  for (int p = 0; p < Panels; ++p) sum[p] = splat(0.0f);
  switch (w.format) {
    case QuantFormat::f32:
      return gemv_chain(x, w.in, sum, [&](int p, i64 k) {
        return load(reinterpret_cast<const float*>(data + p * stride) + k * 16);
      });
    case QuantFormat::bf16:
      return gemv_chain(x, w.in, sum,
                        [&](int p, i64 k) { return load_bf16(data + p * stride + k * 32); });
    case QuantFormat::f16:
      return gemv_chain(x, w.in, sum,
                        [&](int p, i64 k) { return load_f16(data + p * stride + k * 32); });
    default:
      for (i64 b = 0; b < w.in / q8_values; ++b) {
        const std::byte* block = data + b * q8_block_bytes;
        Lanes scale[Panels];
        for (int p = 0; p < Panels; ++p) scale[p] = load_f16(block + p * stride);
        gemv_chain(x + b * q8_values, q8_values, sum, [&](int p, i64 k) {
          return scale[p] * load_i8(block + p * stride + 32 + k * 16);
        });
      }
      return;
  }
}

void linear_one_row(const Stream& stream, const LinearArgs& a) {
  constexpr int abreast = 4;
  const WeightView& w = a.weight;
  const i64 panels = ceil_div(w.out, panel_rows);
  const auto finish = [&](i64 panel, Lanes sum) {
    const i64 o = panel * panel_rows;
    const i64 valid = w.out - o;
    if (valid >= panel_rows) {
      store(a.y + o, a.bias != nullptr ? sum + load(a.bias + o) : sum);
    } else {
      store_part(a.y + o, a.bias != nullptr ? sum + load_part(a.bias + o, valid, 0.0f) : sum,
                 valid);
    }
  };
  stream.threads->parallel_for(ceil_div(panels, i64{abreast}), 4, [&](i64 begin, i64 end) {
    i64 panel = begin * abreast;
    const i64 last = least(end * abreast, panels);
    for (; panel + abreast <= last; panel += abreast) {
      Lanes sum[abreast];
      gemv_panels<abreast>(w, a.x, panel, sum);
      for (int p = 0; p < abreast; ++p) finish(panel + p, sum[p]);
    }
    for (; panel < last; ++panel) {
      Lanes sum[1];
      gemv_panels<1>(w, a.x, panel, sum);
      finish(panel, sum[0]);
    }
  });
}

void linear(const Stream& stream, const LinearArgs& a) {
  if (a.rows == 1 && a.weight.layout == WeightLayout::panels) return linear_one_row(stream, a);
  linear_rows(stream, a);
}

// ---- norms, softmax, elementwise ----

void rms_norm(const Stream& stream, const NormArgs& a) {
  stream.threads->parallel_for(a.rows, 4, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      const float* x = a.x + r * a.width;
      float* y = a.y + r * a.width;
      Lanes squares = splat(0.0f);
      for_lanes(x, a.width, 0.0f, [&](i64, Lanes v) { squares = fma(v, v, squares); });
      const Lanes inverse =
          splat(1.0f / __builtin_sqrtf(total(squares) / static_cast<float>(a.width) + a.epsilon));
      for_lanes(x, a.width, 0.0f, [&](i64 i, Lanes v) {
        put(y, i, a.width,
            v * inverse * (a.weight != nullptr ? get(a.weight, i, a.width, 0.0f) : splat(1.0f)));
      });
    }
  });
}

void layer_norm(const Stream& stream, const NormArgs& a) {
  stream.threads->parallel_for(a.rows, 4, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      const float* x = a.x + r * a.width;
      float* y = a.y + r * a.width;
      Lanes sums = splat(0.0f);
      for_lanes(x, a.width, 0.0f, [&](i64, Lanes v) { sums = sums + v; });
      const float mean = total(sums) / static_cast<float>(a.width);
      Lanes squares = splat(0.0f);
      // The tail is filled with the mean itself: a deviation of 0.
      for_lanes(x, a.width, mean, [&](i64, Lanes v) {
        const Lanes d = v - splat(mean);
        squares = fma(d, d, squares);
      });
      const Lanes inverse =
          splat(1.0f / __builtin_sqrtf(total(squares) / static_cast<float>(a.width) + a.epsilon));
      for_lanes(x, a.width, 0.0f, [&](i64 i, Lanes v) {
        const Lanes weight = a.weight != nullptr ? get(a.weight, i, a.width, 0.0f) : splat(1.0f);
        const Lanes bias = a.bias != nullptr ? get(a.bias, i, a.width, 0.0f) : splat(0.0f);
        put(y, i, a.width, (v - splat(mean)) * inverse * weight + bias);
      });
    }
  });
}

void softmax(const Stream& stream, const SoftmaxArgs& a) {
  stream.threads->parallel_for(a.rows, 4, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      const float* x = a.x + r * a.width;
      float* y = a.y + r * a.width;
      Lanes most = splat(minus_infinity);
      for_lanes(x, a.width, minus_infinity, [&](i64, Lanes v) { most = max(v, most); });
      const Lanes shift = splat(highest(most));
      Lanes sums = splat(0.0f);
      for_lanes(x, a.width, minus_infinity, [&](i64 i, Lanes v) {
        const Lanes e = exp(v - shift);
        sums = sums + e;
        put(y, i, a.width, e);
      });
      const Lanes all = splat(total(sums));
      for_lanes(y, a.width, 0.0f, [&](i64 i, Lanes v) { put(y, i, a.width, v / all); });
    }
  });
}

template <typename Function>
void map(const Stream& stream, const float* x, i64 count, float* y, Function f) {
  stream.threads->parallel_for(ceil_div(count, i64{16}), pointwise_grain / 16,
                               [&](i64 begin, i64 end) {
                                 for (i64 i = begin * 16; i < least(end * 16, count); i += 16)
                                   put(y, i, count, f(get(x, i, count, 0.0f)));
                               });
}

void unary(const Stream& stream, Unary f, const float* x, i64 count, float* y) {
  switch (f) {
    case Unary::silu:
      return map(stream, x, count, y, [](Lanes v) { return v * sigmoid(v); });
    case Unary::gelu:
      return map(stream, x, count, y, [](Lanes v) { return gelu(v); });
    case Unary::gelu_tanh:
      return map(stream, x, count, y, [](Lanes v) { return gelu_tanh(v); });
    case Unary::quick_gelu:
      return map(stream, x, count, y, [](Lanes v) { return v * sigmoid(splat(1.702f) * v); });
    case Unary::relu:
      return map(stream, x, count, y,
                 [](Lanes v) { return select(less(splat(0.0f), v), v, splat(0.0f)); });
    case Unary::tanh:
      return map(stream, x, count, y, [](Lanes v) { return tanh(v); });
    case Unary::sigmoid:
      return map(stream, x, count, y, [](Lanes v) { return sigmoid(v); });
    case Unary::exp:
      return map(stream, x, count, y, [](Lanes v) { return exp(v); });
  }
}

// ---- the limits of the machine ----

i64 multiply_add_burst(i64 rounds, float* sink) {
#if defined(__AVX512F__)
  constexpr int sums = 16;
#else
  constexpr int sums = 6;  // 12 registers
#endif
  // All lanes differ: equal halves would be computed once.
  alignas(64) float start[16];
  for (int i = 0; i < 16; ++i) start[i] = static_cast<float>(i) * 0.1f;
  Lanes sum[sums];
  const Lanes factor = splat(0.999f);
  const Lanes term = splat(0.001f);
#pragma GCC unroll 16
  for (int i = 0; i < sums; ++i) sum[i] = load(start) + splat(static_cast<float>(i));
  for (i64 round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < sums; ++i) sum[i] = fma(sum[i], factor, term);
  }
  Lanes all = sum[0];
  for (int i = 1; i < sums; ++i) all = all + sum[i];
  *sink = total(all);
  return rounds * sums * 16 * 2;
}

/// Four streams a thread, as the decode kernels read weights.
float read_burst(const float* x, i64 count) {
  const i64 quarter = count / 4 / 16 * 16;
  Lanes sum[4] = {splat(0.0f), splat(0.0f), splat(0.0f), splat(0.0f)};
  for (i64 i = 0; i < quarter; i += 16) {
#pragma GCC unroll 4
    for (i64 stream = 0; stream < 4; ++stream)
      sum[stream] = sum[stream] + load(x + stream * quarter + i);
  }
  return total(sum[0] + sum[1] + sum[2] + sum[3]);
}

void fill_vector_slots(Kernels& kernels) {
  kernels.multiply_add_burst = multiply_add_burst;
  kernels.read_burst = read_burst;
  kernels.linear = linear;
  kernels.rms_norm = rms_norm;
  kernels.layer_norm = layer_norm;
  kernels.softmax = softmax;
  kernels.attention = attention;
  kernels.unary = unary;
  kernels.encoder_attention = vector_encoder_attention;
  kernels.dropout = vector_dropout;
  kernels.sum_rows = vector_sum_rows;
  kernels.unary_grad = vector_unary_grad;
  kernels.rms_norm_grad = vector_rms_norm_grad;
  kernels.layer_norm_grad = vector_layer_norm_grad;
  kernels.attention_grad = vector_attention_grad;
}

}  // namespace
}  // namespace medlar::backend::cpu
