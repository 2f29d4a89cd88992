// The reference backend: every kernel in plain scalar loops, in the order of summation that
// backend/kernels.h states. It is the definition that the vector kernels are held to, bit for bit.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/cpu/functions.h"
#include "backend/cpu/shared.h"
#include "backend/kernels.h"
#include "base/error.h"
#include "base/numeric.h"

namespace medlar::backend {
namespace {

using cpu::lanes_total;

void linear(const Stream& stream, const LinearArgs& a) {
  const WeightView& w = a.weight;
  stream.threads->parallel_for(w.out, panel_rows, [&](i64 begin, i64 end) {
    std::vector<float> row(static_cast<std::size_t>(w.in));
    for (i64 o = begin; o < end; ++o) {
      cpu::read_row(w, o, row.data());
      for (i64 r = 0; r < a.rows; ++r) {
        const bool columns = a.x_layout == InputLayout::columns;
        const float* x = a.x + r * (columns ? 1 : w.in);
        const i64 stride = columns ? a.rows : 1;
        float sum = 0.0f;
        for (i64 k = 0; k < w.in; ++k)
          sum = std::fma(row[static_cast<std::size_t>(k)], x[k * stride], sum);
        a.y[r * w.out + o] = a.bias != nullptr ? sum + a.bias[o] : sum;
      }
    }
  });
}

void rms_norm(const Stream& stream, const NormArgs& a) {
  stream.threads->parallel_for(a.rows, 1, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      const float* x = a.x + r * a.width;
      float* y = a.y + r * a.width;
      float lanes[16] = {};
      for (i64 i = 0; i < a.width; ++i) lanes[i % 16] = std::fma(x[i], x[i], lanes[i % 16]);
      const float inverse =
          1.0f / std::sqrt(lanes_total(lanes) / static_cast<float>(a.width) + a.epsilon);
      for (i64 i = 0; i < a.width; ++i)
        y[i] = x[i] * inverse * (a.weight != nullptr ? a.weight[i] : 1.0f);
    }
  });
}

void layer_norm(const Stream& stream, const NormArgs& a) {
  stream.threads->parallel_for(a.rows, 1, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      const float* x = a.x + r * a.width;
      float* y = a.y + r * a.width;
      float sums[16] = {};
      for (i64 i = 0; i < a.width; ++i) sums[i % 16] += x[i];
      const float mean = lanes_total(sums) / static_cast<float>(a.width);
      float squares[16] = {};
      for (i64 i = 0; i < a.width; ++i) {
        const float d = x[i] - mean;
        squares[i % 16] = std::fma(d, d, squares[i % 16]);
      }
      const float inverse =
          1.0f / std::sqrt(lanes_total(squares) / static_cast<float>(a.width) + a.epsilon);
      for (i64 i = 0; i < a.width; ++i) {
        const float scaled = (x[i] - mean) * inverse * (a.weight != nullptr ? a.weight[i] : 1.0f);
        y[i] = scaled + (a.bias != nullptr ? a.bias[i] : 0.0f);
      }
    }
  });
}

void softmax(const Stream& stream, const SoftmaxArgs& a) {
  stream.threads->parallel_for(a.rows, 1, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      const float* x = a.x + r * a.width;
      float* y = a.y + r * a.width;
      const float highest = *std::max_element(x, x + a.width);
      float lanes[16] = {};
      for (i64 i = 0; i < a.width; ++i) lanes[i % 16] += y[i] = cpu::exp_f32(x[i] - highest);
      const float total = lanes_total(lanes);
      for (i64 i = 0; i < a.width; ++i) y[i] /= total;
    }
  });
}

/// One query row against the pages it can see: softmax in one pass, a page at a time (Milakov and
/// Gimelshein 2018, arXiv 1805.02867), so that the result depends on the keys and on nothing else.
void attend_row(const AttentionArgs& a, const AttentionSequence& s, i64 row, i64 head) {
  const KvPages& kv = a.pages;
  const i64 kv_head = head / (a.heads / kv.heads);
  const cpu::KeyRange visible = cpu::visible_keys(a.mask, a.window, s, row);
  const float* q = a.q + (row * a.heads + head) * kv.key_size;
  std::vector<float> acc(static_cast<std::size_t>(kv.value_size), 0.0f);
  float highest = a.sinks != nullptr ? a.sinks[head] : -std::numeric_limits<float>::infinity();
  float total = a.sinks != nullptr ? 1.0f : 0.0f;
  for (i64 page = visible.begin / page_keys; page * page_keys < visible.end; ++page) {
    const float* keys =
        kv.keys + (s.pages[page] * kv.heads + kv_head) * key_page_floats(kv.key_size);
    const float* values = kv.values == nullptr ? nullptr
                                               : kv.values + (s.pages[page] * kv.heads + kv_head) *
                                                                 value_page_floats(kv.value_size);
    float p[page_keys];
    float page_highest = highest;
    for (i64 j = 0; j < page_keys; ++j) {
      float dot = 0.0f;
      for (i64 d = 0; d < kv.key_size; ++d)
        dot = std::fma(q[d], keys[cpu::key_offset(kv.key_size, j, d)], dot);
      const bool seen = visible.contains(page * page_keys + j);
      p[j] = seen ? dot * a.scale : -std::numeric_limits<float>::infinity();
      page_highest = std::max(page_highest, p[j]);
    }
    float lanes[16] = {};
    for (i64 j = 0; j < page_keys; ++j) lanes[j % 16] += p[j] = cpu::exp_f32(p[j] - page_highest);
    const float correction = cpu::exp_f32(highest - page_highest);
    total = std::fma(total, correction, lanes_total(lanes));
    highest = page_highest;
    for (i64 d = 0; d < kv.value_size; ++d) {
      float sum = acc[static_cast<std::size_t>(d)] * correction;
      for (i64 j = 0; j < page_keys; ++j) {
        const float value = values != nullptr ? values[cpu::value_offset(j, d)]
                                              : keys[cpu::key_offset(kv.key_size, j, d)];
        sum = std::fma(p[j], value, sum);
      }
      acc[static_cast<std::size_t>(d)] = sum;
    }
  }
  float* y = a.y + (row * a.heads + head) * kv.value_size;
  for (i64 d = 0; d < kv.value_size; ++d) y[d] = acc[static_cast<std::size_t>(d)] / total + 0.0f;
  if (a.log_sum != nullptr) a.log_sum[row * a.heads + head] = highest + std::log(total);
}

void attention(const Stream& stream, const AttentionArgs& a) {
  for (const AttentionSequence& s : a.sequences) {
    stream.threads->parallel_for(s.rows * a.heads, 1, [&](i64 begin, i64 end) {
      for (i64 item = begin; item < end; ++item)
        attend_row(a, s, s.first_row + item / a.heads, item % a.heads);
    });
  }
}

float unary_value(Unary f, float x) {
  switch (f) {
    case Unary::silu:
      return x * cpu::sigmoid_f32(x);
    case Unary::gelu:
      return cpu::gelu_f32(x);
    case Unary::gelu_tanh:
      return cpu::gelu_tanh_f32(x);
    case Unary::quick_gelu:
      return x * cpu::sigmoid_f32(1.702f * x);
    case Unary::relu:
      return x > 0.0f ? x : 0.0f;
    case Unary::tanh:
      return cpu::tanh_f32(x);
    case Unary::sigmoid:
      return cpu::sigmoid_f32(x);
    case Unary::exp:
      return cpu::exp_f32(x);
  }
  return 0.0f;
}

void unary(const Stream& stream, Unary f, const float* x, i64 count, float* y) {
  stream.threads->parallel_for(count, cpu::pointwise_grain, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) y[i] = unary_value(f, x[i]);
  });
}

Kernels make_reference() {
  Kernels kernels = cpu::shared_kernels();
  kernels.name = "reference";
  kernels.linear = linear;
  kernels.rms_norm = rms_norm;
  kernels.layer_norm = layer_norm;
  kernels.softmax = softmax;
  kernels.attention = attention;
  kernels.unary = unary;
  kernels.encoder_attention = cpu::encoder_attention;
  return kernels;
}

}  // namespace

const Kernels& reference_kernels() {
  static const Kernels kernels = make_reference();
  return kernels;
}

}  // namespace medlar::backend
