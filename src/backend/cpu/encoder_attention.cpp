// The attentions of encoders in plain loops, the definition that the vector form is held to, and
// their gradient. The vector form: vector_encoder_attention.h.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/cpu/functions.h"
#include "backend/cpu/plain_loops.h"
#include "backend/cpu/shared.h"

namespace medlar::backend::cpu {
namespace {

/// Where the rows of one head of one sequence lie.
struct Head {
  const EncoderAttentionArgs& a;
  i64 first;  ///< row of the sequence's first token
  i64 head;

  i64 row(i64 i) const { return ((first + i) * a.heads + head) * a.size; }
  i64 place(i64 i, i64 j) const {
    return (a.place_of[i - j + a.longest - 1] * a.heads + head) * a.size;
  }

  float score(i64 i, i64 j) const {
    const float* q = a.q + row(i);
    const float* k = a.k + row(j);
    float sum = dot(q, k, a.size);
    if (a.place_keys != nullptr) sum += dot(q, a.place_keys + place(i, j), a.size);
    if (a.place_queries != nullptr) sum += dot(k, a.place_queries + place(i, j), a.size);
    return sum * a.scale;
  }
};

void attend_row(const Head& h, i64 length, i64 i) {
  const EncoderAttentionArgs& a = h.a;
  std::vector<float> p(static_cast<std::size_t>(length), -std::numeric_limits<float>::infinity());
  for (i64 j = 0; j < length; ++j) {
    if (encoder_sees(a, h.first, i, j)) p[static_cast<std::size_t>(j)] = h.score(i, j);
  }
  const float highest = *std::ranges::max_element(p);
  float lanes[16] = {};
  for (i64 j = 0; j < length; ++j) {
    float& pj = p[static_cast<std::size_t>(j)];
    lanes[j % 16] += pj = exp_f32(pj - highest);
  }
  const float total = lanes_total(lanes);
  float* y = a.y + h.row(i);
  std::fill_n(y, a.size, 0.0f);
  for (i64 j = 0; j < length; ++j)
    add_scaled(p[static_cast<std::size_t>(j)], a.v + h.row(j), a.size, y);
  for (i64 d = 0; d < a.size; ++d) y[d] = y[d] / total + 0.0f;
  if (a.log_sum != nullptr) a.log_sum[(h.first + i) * a.heads + h.head] = highest + std::log(total);
}

/// As attention_row_grad in gradients.cpp, with the terms of the places.
void attend_row_grad(const Head& h, const EncoderAttentionGrads& g, i64 length, i64 i) {
  const EncoderAttentionArgs& a = h.a;
  const i64 at = h.row(i);
  const float delta = dot(g.grad_y + at, a.y + at, a.size);
  const float log_sum = a.log_sum[(h.first + i) * a.heads + h.head];
  for (i64 j = 0; j < length; ++j) {
    if (!encoder_sees(a, h.first, i, j)) continue;
    const i64 key = h.row(j);
    const float p = exp_f32(h.score(i, j) - log_sum);
    const float gs = p * (dot(g.grad_y + at, a.v + key, a.size) - delta) * a.scale;
    add_scaled(gs, a.k + key, a.size, g.grad_q + at);
    add_scaled(gs, a.q + at, a.size, g.grad_k + key);
    add_scaled(p, g.grad_y + at, a.size, g.grad_v + key);
    if (a.place_keys != nullptr) {
      const i64 place = h.place(i, j);
      add_scaled(gs, a.place_keys + place, a.size, g.grad_q + at);
      add_scaled(gs, a.q + at, a.size, g.grad_place_keys + place);
    }
    if (a.place_queries != nullptr) {
      const i64 place = h.place(i, j);
      add_scaled(gs, a.place_queries + place, a.size, g.grad_k + key);
      add_scaled(gs, a.k + key, a.size, g.grad_place_queries + place);
    }
  }
}

}  // namespace

void encoder_attention(const Stream& stream, const EncoderAttentionArgs& a) {
  for (i64 s = 0; s < a.sequences; ++s) {
    const i64 first = a.starts[s];
    const i64 length = a.starts[s + 1] - first;
    stream.threads->parallel_for(length * a.heads, 1, [&](i64 begin, i64 end) {
      for (i64 item = begin; item < end; ++item) {
        const Head h = {.a = a, .first = first, .head = item % a.heads};
        if (encoder_computes(a, first + item / a.heads)) attend_row(h, length, item / a.heads);
      }
    });
  }
}

void encoder_attention_grad(const Stream& stream, const EncoderAttentionArgs& a,
                            const EncoderAttentionGrads& g) {
  // One owner per head: its gradients are summed over sequences, then rows.
  stream.threads->parallel_for(a.heads, 1, [&](i64 begin, i64 end) {
    for (i64 head = begin; head < end; ++head) {
      for (i64 s = 0; s < a.sequences; ++s) {
        const Head h = {.a = a, .first = a.starts[s], .head = head};
        const i64 length = a.starts[s + 1] - h.first;
        for (i64 i = 0; i < length; ++i) {
          if (encoder_computes(a, h.first + i)) attend_row_grad(h, g, length, i);
        }
      }
    }
  });
}

}  // namespace medlar::backend::cpu
