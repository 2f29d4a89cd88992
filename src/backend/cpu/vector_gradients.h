#pragma once

// Gradients of gelu and its kin, of the norms and of attention, in the order of sums that
// gradients.cpp defines. Attention: one head of one sequence at a time, all five products by the
// tile of linear over repacked panels; probabilities and score gradients of the head are kept
// between the passes over rows and over keys. Internal linkage (see lanes.h).

#include "backend/cpu/lanes.h"
#include "backend/cpu/shared.h"
#include "backend/cpu/vector_encoder_attention.h"
#include "backend/cpu/vector_loops.h"
#include "backend/cpu/vector_tile.h"

namespace medlar::backend::cpu {
namespace {

// ---- elementwise ----

inline Lanes gelu_slope(Lanes x) {
  return splat(0.5f) * (splat(1.0f) + erf(x * splat(sqrt_half))) +
         x * splat(inverse_sqrt_2_pi) * exp(splat(-0.5f) * x * x);
}

inline Lanes gelu_tanh_slope(Lanes x) {
  const Lanes t = tanh(splat(sqrt_2_over_pi) * fma(splat(gelu_cubic) * (x * x), x, x));
  const Lanes inner = splat(sqrt_2_over_pi) * (splat(1.0f) + splat(3.0f * gelu_cubic) * x * x);
  return splat(0.5f) * (splat(1.0f) + t) + splat(0.5f) * x * (splat(1.0f) - t * t) * inner;
}

inline Lanes swish_slope(Lanes x, float b) {
  const Lanes s = sigmoid(splat(b) * x);
  return s + splat(b) * x * s * (splat(1.0f) - s);
}

template <typename Slope>
void map_grad(const Stream& stream, const float* x, const float* g, i64 count, float* y,
              Slope slope) {
  stream.threads->parallel_for(
      ceil_div(count, i64{16}), pointwise_grain / 16, [&](i64 begin, i64 end) {
        for (i64 i = begin * 16; i < least(end * 16, count); i += 16)
          put(y, i, count, slope(get(x, i, count, 0.0f)) * get(g, i, count, 0.0f));
      });
}

void vector_unary_grad(const Stream& stream, Unary f, const float* x, const float* g, i64 count,
                       float* y) {
  const Lanes one = splat(1.0f);
  switch (f) {
    case Unary::silu:
      return map_grad(stream, x, g, count, y, [](Lanes v) { return swish_slope(v, 1.0f); });
    case Unary::gelu:
      return map_grad(stream, x, g, count, y, [](Lanes v) { return gelu_slope(v); });
    case Unary::gelu_tanh:
      return map_grad(stream, x, g, count, y, [](Lanes v) { return gelu_tanh_slope(v); });
    case Unary::quick_gelu:
      return map_grad(stream, x, g, count, y, [](Lanes v) { return swish_slope(v, 1.702f); });
    case Unary::relu:
      return map_grad(stream, x, g, count, y,
                      [&](Lanes v) { return select(less(splat(0.0f), v), one, splat(0.0f)); });
    case Unary::tanh:
      return map_grad(stream, x, g, count, y, [&](Lanes v) {
        const Lanes t = tanh(v);
        return one - t * t;
      });
    case Unary::sigmoid:
      return map_grad(stream, x, g, count, y, [&](Lanes v) {
        const Lanes s = sigmoid(v);
        return s * (one - s);
      });
    case Unary::exp:
      return map_grad(stream, x, g, count, y, [](Lanes v) { return exp(v); });
  }
}

void vector_sum_rows(const Stream& stream, const float* x, i64 rows, i64 columns, float* y) {
  stream.threads->parallel_for(ceil_div(columns, i64{16}), 4, [&](i64 begin, i64 end) {
    for (i64 c = begin * 16; c < least(end * 16, columns); c += 16) {
      Lanes sum = splat(0.0f);
      for (i64 r = 0; r < rows; ++r) sum = sum + get(x + r * columns, c, columns, 0.0f);
      put(y, c, columns, sum);
    }
  });
}

/// philox() of eight counters at once, word by word: words[w][lane].
inline void philox_lanes(u64 seed, u64 stream, u64 counter, u32 (&words)[4][8]) {
  for (u32 lane = 0; lane < 8; ++lane) {
    words[0][lane] = static_cast<u32>(counter + lane);
    words[1][lane] = static_cast<u32>((counter + lane) >> 32);
    words[2][lane] = static_cast<u32>(stream);
    words[3][lane] = static_cast<u32>(stream >> 32);
  }
  u32 key0 = static_cast<u32>(seed);
  u32 key1 = static_cast<u32>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int lane = 0; lane < 8; ++lane) {
      const u64 product0 = u64{0xD2511F53u} * words[0][lane];
      const u64 product1 = u64{0xCD9E8D57u} * words[2][lane];
      words[0][lane] = static_cast<u32>(product1 >> 32) ^ words[1][lane] ^ key0;
      words[2][lane] = static_cast<u32>(product0 >> 32) ^ words[3][lane] ^ key1;
      words[1][lane] = static_cast<u32>(product1);
      words[3][lane] = static_cast<u32>(product0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

void vector_dropout(const Stream& stream, const DropoutArgs& a) {
  constexpr i64 together = 32;  // four values of each of eight counters
  const float factor = 1.0f / (1.0f - a.rate);
  const u64 threshold = static_cast<u64>(static_cast<double>(a.rate) * 0x1p32);
  stream.threads->parallel_for(
      ceil_div(a.count, together), pointwise_grain / together, [&](i64 begin, i64 end) {
        for (i64 block = begin; block < end; ++block) {
          u32 words[4][8];
          philox_lanes(a.seed, a.stream, static_cast<u64>(block * 8), words);
          const i64 first = block * together;
          const i64 count = least(together, a.count - first);
          for (i64 i = 0; i < count; ++i) {
            const float x = a.x[first + i];
            a.y[first + i] = words[i % 4][i / 4] >= threshold ? x * factor : 0.0f;
          }
        }
      });
}

// ---- norms ----

enum class Centring { none, mean };

/// dx of one row; returns its mean and 1 / deviation in `moments`.
inline void norm_row_grad(const NormArgs& a, i64 row, const float* g, Centring centring,
                          float* moments) {
  const float* x = a.x + row * a.width;
  const auto width = static_cast<float>(a.width);
  Lanes sums = splat(0.0f);
  if (centring == Centring::mean)
    for_lanes(x, a.width, 0.0f, [&](i64, Lanes v) { sums = sums + v; });
  const float mean = total(sums) / width;
  Lanes squares = splat(0.0f);
  // The tail is filled with the mean itself: a deviation of 0.
  for_lanes(x, a.width, mean, [&](i64, Lanes v) {
    const Lanes d = v - splat(mean);
    squares = fma(d, d, squares);
  });
  const float inverse = 1.0f / __builtin_sqrtf(total(squares) / width + a.epsilon);
  const auto weighted = [&](i64 i) {
    const Lanes weight = a.weight != nullptr ? get(a.weight, i, a.width, 0.0f) : splat(1.0f);
    return get(g, i, a.width, 0.0f) * weight;
  };
  Lanes h_sum = splat(0.0f);
  Lanes hn_sum = splat(0.0f);
  for_lanes(x, a.width, mean, [&](i64 i, Lanes v) {
    const Lanes h = weighted(i);
    h_sum = h_sum + h;
    hn_sum = fma(h, (v - splat(mean)) * splat(inverse), hn_sum);
  });
  const Lanes h_mean = splat(centring == Centring::mean ? total(h_sum) / width : 0.0f);
  const Lanes hn_mean = splat(total(hn_sum) / width);
  for_lanes(x, a.width, mean, [&](i64 i, Lanes v) {
    const Lanes n = (v - splat(mean)) * splat(inverse);
    put(a.y + row * a.width, i, a.width, splat(inverse) * (weighted(i) - h_mean - n * hn_mean));
  });
  moments[0] = mean;
  moments[1] = inverse;
}

void norm_grad(const Stream& stream, const NormArgs& a, const float* g, float* grad_weight,
               float* grad_bias, Centring centring) {
  Scratch moments(2 * a.rows);
  float* m = moments.data();
  stream.threads->parallel_for(a.rows, 4, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) norm_row_grad(a, r, g + r * a.width, centring, m + 2 * r);
  });
  stream.threads->parallel_for(ceil_div(a.width, i64{16}), 4, [&](i64 begin, i64 end) {
    for (i64 c = begin * 16; c < least(end * 16, a.width); c += 16) {
      Lanes weight_sum = splat(0.0f);
      Lanes bias_sum = splat(0.0f);
      for (i64 r = 0; r < a.rows; ++r) {
        const Lanes gr = get(g + r * a.width, c, a.width, 0.0f);
        const Lanes x = get(a.x + r * a.width, c, a.width, 0.0f);
        weight_sum = fma(gr, (x - splat(m[2 * r])) * splat(m[2 * r + 1]), weight_sum);
        bias_sum = bias_sum + gr;
      }
      if (grad_weight != nullptr) put(grad_weight, c, a.width, weight_sum);
      if (grad_bias != nullptr) put(grad_bias, c, a.width, bias_sum);
    }
  });
}

void vector_rms_norm_grad(const Stream& stream, const NormArgs& a, const float* g,
                          float* grad_weight) {
  norm_grad(stream, a, g, grad_weight, nullptr, Centring::none);
}

void vector_layer_norm_grad(const Stream& stream, const NormArgs& a, const float* g,
                            float* grad_weight, float* grad_bias) {
  norm_grad(stream, a, g, grad_weight, grad_bias, Centring::mean);
}

// ---- attention ----

/// One query head of one sequence, and what its gradient is made of.
struct HeadGrad {
  const AttentionGradArgs& a;
  const AttentionSequence& s;
  i64 head;
  float* keys;           ///< panels of 16 keys [d][16], as scores take them
  float* values;         ///< the same of values
  float* key_columns;    ///< panels of 16 dimensions [keys][16]
  float* query_columns;  ///< the same of the queries
  float* grad_columns;   ///< the same of the gradient of y
  float* p;              ///< [rows][keys rounded up] probabilities
  float* gs;             ///< [rows][keys rounded up] gradients of the scores
  float* packed;         ///< [most of keys and d][tile_rows]

  i64 kv_head() const { return head / (a.heads / a.kv_heads); }
  i64 keys_up() const { return round_up(s.rows, panel_rows); }
  i64 query_stride() const { return a.heads * a.head_size; }
  i64 key_stride() const { return a.kv_heads * a.head_size; }
  i64 query_at(i64 i) const { return ((s.first_row + i) * a.heads + head) * a.head_size; }
  i64 key_at(i64 j) const { return ((s.first_row + j) * a.kv_heads + kv_head()) * a.head_size; }

  static i64 floats(i64 rows, i64 size) {
    const i64 up = round_up(rows, panel_rows);
    return 2 * up * size + 3 * up * round_up(size, panel_rows) + 2 * rows * up +
           (up > size ? up : size) * tile_rows;
  }
};

inline HeadGrad repack_head(const AttentionGradArgs& a, const AttentionSequence& s, i64 head,
                            float* memory) {
  const i64 up = round_up(s.rows, panel_rows);
  const i64 columns = up * round_up(a.head_size, panel_rows);
  HeadGrad h = {.a = a,
                .s = s,
                .head = head,
                .keys = memory,
                .values = memory + up * a.head_size,
                .key_columns = memory + 2 * up * a.head_size,
                .query_columns = nullptr,
                .grad_columns = nullptr,
                .p = nullptr,
                .gs = nullptr,
                .packed = nullptr};
  h.query_columns = h.key_columns + columns;
  h.grad_columns = h.query_columns + columns;
  h.p = h.grad_columns + columns;
  h.gs = h.p + s.rows * up;
  h.packed = h.gs + s.rows * up;
  pack_rows(a.k + h.key_at(0), s.rows, h.key_stride(), a.head_size, h.keys);
  pack_rows(a.v + h.key_at(0), s.rows, h.key_stride(), a.head_size, h.values);
  pack_columns(a.k + h.key_at(0), s.rows, h.key_stride(), a.head_size, h.key_columns);
  pack_columns(a.q + h.query_at(0), s.rows, h.query_stride(), a.head_size, h.query_columns);
  pack_columns(a.grad_y + h.query_at(0), s.rows, h.query_stride(), a.head_size, h.grad_columns);
  return h;
}

/// Probabilities and score gradients of rows [i, i + Rows), then the gradient of their queries.
template <int Rows>
void grad_of_rows(const HeadGrad& h, i64 i) {
  const AttentionGradArgs& a = h.a;
  const i64 d = a.head_size;
  const i64 up = h.keys_up();
  float log_sum[Rows];
  float delta[Rows];
  for (int r = 0; r < Rows; ++r) {
    const float* gy = a.grad_y + h.query_at(i + r);
    const float* y = a.y + h.query_at(i + r);
    float sum = 0.0f;
    for (i64 k = 0; k < d; ++k) sum = __builtin_fmaf(gy[k], y[k], sum);
    delta[r] = sum;
    log_sum[r] = a.log_sum[(h.s.first_row + i + r) * a.heads + h.head];
  }
  pack_tile_rows<Rows>(a.q + h.query_at(i), h.query_stride(), d, h.packed);
  for (i64 panel = 0; panel < up / panel_rows; ++panel) {
    const float* b[1] = {h.keys + panel * d * panel_rows};
    Lanes c[Rows][1];
    for (int r = 0; r < Rows; ++r) c[r][0] = splat(0.0f);
    tile<Rows, 1>(h.packed, b, d, c);
    for (int r = 0; r < Rows; ++r) {
      store(h.p + (i + r) * up + panel * panel_rows,
            exp(c[r][0] * splat(a.scale) - splat(log_sum[r])));
    }
  }
  pack_tile_rows<Rows>(a.grad_y + h.query_at(i), h.query_stride(), d, h.packed);
  for (i64 panel = 0; panel < up / panel_rows; ++panel) {
    const float* b[1] = {h.values + panel * d * panel_rows};
    Lanes c[Rows][1];
    for (int r = 0; r < Rows; ++r) c[r][0] = splat(0.0f);
    tile<Rows, 1>(h.packed, b, d, c);
    for (int r = 0; r < Rows; ++r) {
      const i64 at = (i + r) * up + panel * panel_rows;
      store(h.gs + at, load(h.p + at) * (c[r][0] - splat(delta[r])) * splat(a.scale));
    }
  }
  for (int r = 0; r < Rows; ++r) {
    const KeyRange visible = visible_keys(a.mask, a.window, h.s, h.s.first_row + i + r);
    for (i64 j = 0; j < up; ++j) {
      if (!visible.contains(j)) h.p[(i + r) * up + j] = h.gs[(i + r) * up + j] = 0.0f;
      h.packed[j * Rows + r] = h.gs[(i + r) * up + j];
    }
  }
  for (i64 c0 = 0; c0 < d; c0 += panel_rows) {
    const float* b[1] = {h.key_columns + c0 * up};
    Lanes c[Rows][1];
    for (int r = 0; r < Rows; ++r) c[r][0] = splat(0.0f);
    tile<Rows, 1>(h.packed, b, up, c);
    for (int r = 0; r < Rows; ++r) put(a.grad_q + h.query_at(i + r), c0, d, c[r][0]);
  }
}

/// Adds to rows [j, j + Rows) of `grad` the sum over queries i of weights[i][j] columns[i].
template <int Rows>
void add_to_keys(const HeadGrad& h, i64 j, const float* weights, const float* columns,
                 float* grad) {
  const i64 d = h.a.head_size;
  const i64 up = h.keys_up();
  for (i64 i = 0; i < h.s.rows; ++i) {
    for (int r = 0; r < Rows; ++r) h.packed[i * Rows + r] = weights[i * up + j + r];
  }
  for (i64 c0 = 0; c0 < d; c0 += panel_rows) {
    const float* b[1] = {columns + c0 * up};
    Lanes c[Rows][1];
    for (int r = 0; r < Rows; ++r) c[r][0] = get(grad + h.key_at(j + r), c0, d, 0.0f);
    tile<Rows, 1>(h.packed, b, h.s.rows, c);
    for (int r = 0; r < Rows; ++r) put(grad + h.key_at(j + r), c0, d, c[r][0]);
  }
}

inline void head_grad(const HeadGrad& h) {
  i64 i = 0;
  for (; i + tile_rows <= h.s.rows; i += tile_rows) grad_of_rows<tile_rows>(h, i);
  for (; i < h.s.rows; ++i) grad_of_rows<1>(h, i);
  i64 j = 0;
  for (; j + tile_rows <= h.s.rows; j += tile_rows) {
    add_to_keys<tile_rows>(h, j, h.gs, h.query_columns, h.a.grad_k);
    add_to_keys<tile_rows>(h, j, h.p, h.grad_columns, h.a.grad_v);
  }
  for (; j < h.s.rows; ++j) {
    add_to_keys<1>(h, j, h.gs, h.query_columns, h.a.grad_k);
    add_to_keys<1>(h, j, h.p, h.grad_columns, h.a.grad_v);
  }
}

/// One owner per key/value head of a sequence: its gradients are summed over heads, then rows.
void vector_attention_grad(const Stream& stream, const AttentionGradArgs& a) {
  const i64 share = a.heads / a.kv_heads;
  const auto sequences = static_cast<i64>(a.sequences.size());
  stream.threads->parallel_for(sequences * a.kv_heads, 1, [&](i64 begin, i64 end) {
    for (i64 item = begin; item < end; ++item) {
      const AttentionSequence& s = a.sequences.data()[item / a.kv_heads];
      Scratch memory(HeadGrad::floats(s.rows, a.head_size));
      const i64 kv_head = item % a.kv_heads;
      for (i64 head = kv_head * share; head < (kv_head + 1) * share; ++head)
        head_grad(repack_head(a, s, head, memory.data()));
    }
  });
}

}  // namespace
}  // namespace medlar::backend::cpu
