// Gradients of the kernels that are not built from others: scalar, each output with one owner and a
// fixed order, so training gives the same bits at any thread count.
#include <cmath>
#include <vector>

#include "backend/cpu/functions.h"
#include "backend/cpu/plain_loops.h"
#include "backend/cpu/shared.h"

namespace medlar::backend::cpu {
namespace {

float gelu_slope(float x) {
  return 0.5f * (1.0f + erf_f32(x * sqrt_half)) + x * inverse_sqrt_2_pi * exp_f32(-0.5f * x * x);
}

float gelu_tanh_slope(float x) {
  const float t = tanh_f32(sqrt_2_over_pi * std::fma(gelu_cubic * (x * x), x, x));
  const float inner = sqrt_2_over_pi * (1.0f + 3.0f * gelu_cubic * x * x);
  return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
}

/// d/dx of x * sigmoid(b x).
float swish_slope(float x, float b) {
  const float s = sigmoid_f32(b * x);
  return s + b * x * s * (1.0f - s);
}

float slope(Unary f, float x) {
  switch (f) {
    case Unary::silu:
      return swish_slope(x, 1.0f);
    case Unary::gelu:
      return gelu_slope(x);
    case Unary::gelu_tanh:
      return gelu_tanh_slope(x);
    case Unary::quick_gelu:
      return swish_slope(x, 1.702f);
    case Unary::relu:
      return x > 0.0f ? 1.0f : 0.0f;
    case Unary::tanh: {
      const float t = tanh_f32(x);
      return 1.0f - t * t;
    }
    case Unary::sigmoid: {
      const float s = sigmoid_f32(x);
      return s * (1.0f - s);
    }
    case Unary::exp:
      return exp_f32(x);
  }
  return 0.0f;
}

void unary_grad(const Stream& stream, Unary f, const float* x, const float* g, i64 count,
                float* y) {
  stream.threads->parallel_for(count, pointwise_grain, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) y[i] = slope(f, x[i]) * g[i];
  });
}

struct RowMoments {
  float mean;
  float inverse;
};

RowMoments moments(const NormArgs& a, i64 row, bool centred) {
  const float* x = a.x + row * a.width;
  float sums[16] = {};
  if (centred) {
    for (i64 i = 0; i < a.width; ++i) sums[i % 16] += x[i];
  }
  const float mean = lanes_total(sums) / static_cast<float>(a.width);
  float squares[16] = {};
  for (i64 i = 0; i < a.width; ++i)
    squares[i % 16] = std::fma(x[i] - mean, x[i] - mean, squares[i % 16]);
  return {mean, 1.0f / std::sqrt(lanes_total(squares) / static_cast<float>(a.width) + a.epsilon)};
}

/// Both norms: with n = (x - mean) * inverse and h = g * weight,
/// dx = inverse * (h - mean(h) - n * mean(h * n)); without centring the mean terms are 0.
void norm_grad(const Stream& stream, const NormArgs& a, const float* g, float* grad_weight,
               float* grad_bias, bool centred) {
  std::vector<RowMoments> rows(static_cast<std::size_t>(a.rows));
  stream.threads->parallel_for(a.rows, 4, [&](i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      const RowMoments m = rows[static_cast<std::size_t>(r)] = moments(a, r, centred);
      const float* x = a.x + r * a.width;
      const float* gr = g + r * a.width;
      float h_sum[16] = {};
      float hn_sum[16] = {};
      for (i64 i = 0; i < a.width; ++i) {
        const float h = gr[i] * (a.weight != nullptr ? a.weight[i] : 1.0f);
        h_sum[i % 16] += h;
        hn_sum[i % 16] = std::fma(h, (x[i] - m.mean) * m.inverse, hn_sum[i % 16]);
      }
      const float h_mean = centred ? lanes_total(h_sum) / static_cast<float>(a.width) : 0.0f;
      const float hn_mean = lanes_total(hn_sum) / static_cast<float>(a.width);
      for (i64 i = 0; i < a.width; ++i) {
        const float h = gr[i] * (a.weight != nullptr ? a.weight[i] : 1.0f);
        a.y[r * a.width + i] = m.inverse * (h - h_mean - (x[i] - m.mean) * m.inverse * hn_mean);
      }
    }
  });
  if (grad_weight == nullptr && grad_bias == nullptr) return;
  stream.threads->parallel_for(a.width, 64, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      float weight_sum = 0.0f;
      float bias_sum = 0.0f;
      for (i64 r = 0; r < a.rows; ++r) {
        const RowMoments m = rows[static_cast<std::size_t>(r)];
        const float gi = g[r * a.width + i];
        weight_sum = std::fma(gi, (a.x[r * a.width + i] - m.mean) * m.inverse, weight_sum);
        bias_sum += gi;
      }
      if (grad_weight != nullptr) grad_weight[i] = weight_sum;
      if (grad_bias != nullptr) grad_bias[i] = bias_sum;
    }
  });
}

void rms_norm_grad(const Stream& stream, const NormArgs& a, const float* g, float* grad_weight) {
  norm_grad(stream, a, g, grad_weight, nullptr, false);
}

void layer_norm_grad(const Stream& stream, const NormArgs& a, const float* g, float* grad_weight,
                     float* grad_bias) {
  norm_grad(stream, a, g, grad_weight, grad_bias, true);
}

/// Dao et al. 2022 (arXiv 2205.14135), algorithm 4, a row at a time: the probabilities are
/// recomputed from the stored log-sum.
void attention_row_grad(const AttentionGradArgs& a, const AttentionSequence& s, i64 row, i64 head) {
  const i64 d = a.head_size;
  const i64 kv_head = head / (a.heads / a.kv_heads);
  const i64 place = row * a.heads + head;
  const float* q = a.q + place * d;
  const float* gy = a.grad_y + place * d;
  const float delta = dot(gy, a.y + place * d, d);
  const KeyRange visible = visible_keys(a.mask, a.window, s, row);
  for (i64 j = visible.begin; j < visible.end; ++j) {
    const i64 key = ((s.first_row + j) * a.kv_heads + kv_head) * d;
    const float p = exp_f32(dot(q, a.k + key, d) * a.scale - a.log_sum[place]);
    const float gs = p * (dot(gy, a.v + key, d) - delta) * a.scale;
    add_scaled(gs, a.k + key, d, a.grad_q + place * d);
    add_scaled(gs, q, d, a.grad_k + key);
    add_scaled(p, gy, d, a.grad_v + key);
  }
}

void attention_grad(const Stream& stream, const AttentionGradArgs& a) {
  const i64 share = a.heads / a.kv_heads;
  for (const AttentionSequence& s : a.sequences) {
    // One owner per key/value head: its gradients are summed over heads, then rows.
    stream.threads->parallel_for(a.kv_heads, 1, [&](i64 begin, i64 end) {
      for (i64 kv_head = begin; kv_head < end; ++kv_head) {
        for (i64 head = kv_head * share; head < (kv_head + 1) * share; ++head) {
          for (i64 row = s.first_row; row < s.first_row + s.rows; ++row) {
            for (i64 i = 0; i < a.head_size; ++i)
              a.grad_q[(row * a.heads + head) * a.head_size + i] = 0.0f;
            attention_row_grad(a, s, row, head);
          }
        }
      }
    });
  }
}

}  // namespace

void add_gradients(Kernels& kernels) {
  kernels.unary_grad = unary_grad;
  kernels.rms_norm_grad = rms_norm_grad;
  kernels.layer_norm_grad = layer_norm_grad;
  kernels.attention_grad = attention_grad;
  kernels.encoder_attention_grad = encoder_attention_grad;
}

}  // namespace medlar::backend::cpu
