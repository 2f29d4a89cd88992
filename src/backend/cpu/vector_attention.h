#pragma once

// Attention over paged keys and values, of the tile of linear. Internal linkage (see lanes.h).

#include "backend/cpu/lanes.h"
#include "backend/cpu/shared.h"
#include "backend/cpu/vector_tile.h"

namespace medlar::backend::cpu {
namespace {

constexpr i64 key_panels = page_keys / panel_rows;

/// Some (query row, query head) pairs that share one key/value head, at most tile_rows of them.
struct AttentionTile {
  const float* q[tile_rows];
  KeyRange visible[tile_rows];
  const float* sink[tile_rows];  ///< or null
  i64 rows = 0;
  KeyRange all = {0, 0};  ///< union of `visible`
};

/// Scores of all rows against one page: [rows][64], unscaled; the same tile as linear.
template <int Rows>
void page_scores(const float* q, const float* keys, i64 key_size, float* scores) {
  for (i64 p = 0; p < key_panels; ++p) {
    const float* b[1] = {keys + p * key_size * panel_rows};
    Lanes c[Rows][1];
    for (int r = 0; r < Rows; ++r) c[r][0] = splat(0.0f);
    tile<Rows, 1>(q, b, key_size, c);
    for (int r = 0; r < Rows; ++r) store(scores + r * page_keys + p * panel_rows, c[r][0]);
  }
}

/// acc[rows][value panels * 16] = acc * correction, then a chain over the page's 64 keys.
template <int Rows>
void page_values(const float* p, const float* values, i64 value_panels, const float* correction,
                 float* acc) {
  for (i64 v = 0; v < value_panels; ++v) {
    const float* b[1] = {values + v * page_keys * panel_rows};
    Lanes c[Rows][1];
    for (int r = 0; r < Rows; ++r) {
      c[r][0] = load(acc + (r * value_panels + v) * panel_rows) * splat(correction[r]);
    }
    tile<Rows, 1>(p, b, page_keys, c);
    for (int r = 0; r < Rows; ++r) store(acc + (r * value_panels + v) * panel_rows, c[r][0]);
  }
}

/// One row's step of the running softmax over a page: scores become probabilities against the new
/// maximum. Returns the factor for what was summed before. A row that sees nothing of the page
/// stays as it is.
float page_softmax(const KeyRange& visible, i64 first_key, float scale, float* s, float* most,
                   float* sum) {
  if (visible.end <= first_key || visible.begin >= first_key + page_keys) {
    for (i64 j = 0; j < page_keys; ++j) s[j] = 0.0f;
    return 1.0f;
  }
  Lanes page_most = splat(*most);
  Lanes scaled[key_panels];
  for (i64 p = 0; p < key_panels; ++p) scaled[p] = load(s + p * panel_rows) * splat(scale);
  if (visible.begin > first_key || visible.end < first_key + page_keys) {
    for (i64 p = 0; p < key_panels; ++p) store(s + p * panel_rows, scaled[p]);
    for (i64 j = 0; j < page_keys; ++j) {
      if (!visible.contains(first_key + j)) s[j] = minus_infinity;
    }
    for (i64 p = 0; p < key_panels; ++p) scaled[p] = load(s + p * panel_rows);
  }
  for (i64 p = 0; p < key_panels; ++p) page_most = max(scaled[p], page_most);
  const float now = highest(page_most);
  Lanes sums = splat(0.0f);
  for (i64 p = 0; p < key_panels; ++p) {
    const Lanes e = exp(scaled[p] - splat(now));
    sums = sums + e;
    store(s + p * panel_rows, e);
  }
  const float correction = exp_f32(*most - now);
  *sum = __builtin_fmaf(*sum, correction, total(sums));
  *most = now;
  return correction;
}

/// The first value_size dimensions of a page's keys in the layout of values.
void values_of_keys(const KvPages& kv, const float* keys, float* values) {
  for (i64 d = 0; d < round_up(kv.value_size, panel_rows); ++d) {
    for (i64 j = 0; j < page_keys; ++j) {
      values[value_offset(j, d)] = d < kv.value_size ? keys[key_offset(kv.key_size, j, d)] : 0.0f;
    }
  }
}

template <int Rows>
void attend(const AttentionArgs& a, const AttentionSequence& s, const AttentionTile& t, i64 kv_head,
            float* const* y, float* const* log_sum) {
  const KvPages& kv = a.pages;
  const i64 value_panels = ceil_div(kv.value_size, panel_rows);
  const i64 own_values = kv.values == nullptr ? value_page_floats(kv.value_size) : 0;
  Scratch scratch(Rows * (kv.key_size + 2 * page_keys + value_panels * panel_rows) + own_values);
  float* q = scratch.data();
  float* scores = q + Rows * kv.key_size;
  float* p = scores + Rows * page_keys;
  float* acc = p + Rows * page_keys;
  float* read_values = acc + Rows * value_panels * panel_rows;
  for (int r = 0; r < Rows; ++r) {
    for (i64 d = 0; d < kv.key_size; ++d) q[d * Rows + r] = t.q[r][d];
  }
  for (i64 i = 0; i < Rows * value_panels * panel_rows; ++i) acc[i] = 0.0f;
  float most[Rows], sum[Rows], correction[Rows];
  for (int r = 0; r < Rows; ++r) {
    most[r] = t.sink[r] != nullptr ? *t.sink[r] : minus_infinity;
    sum[r] = t.sink[r] != nullptr ? 1.0f : 0.0f;
  }
  for (i64 page = t.all.begin / page_keys; page * page_keys < t.all.end; ++page) {
    const i64 place = s.pages[page] * kv.heads + kv_head;
    const float* keys = kv.keys + place * key_page_floats(kv.key_size);
    page_scores<Rows>(q, keys, kv.key_size, scores);
    for (int r = 0; r < Rows; ++r) {
      float* row = scores + r * page_keys;
      correction[r] = page_softmax(t.visible[r], page * page_keys, a.scale, row, &most[r], &sum[r]);
      for (i64 j = 0; j < page_keys; ++j) p[j * Rows + r] = row[j];
    }
    if (own_values > 0) values_of_keys(kv, keys, read_values);
    page_values<Rows>(
        p, own_values > 0 ? read_values : kv.values + place * value_page_floats(kv.value_size),
        value_panels, correction, acc);
  }
  for (int r = 0; r < Rows; ++r) {
    const float* row = acc + r * value_panels * panel_rows;
    for (i64 d = 0; d < kv.value_size; ++d) y[r][d] = row[d] / sum[r] + 0.0f;
    if (log_sum[r] != nullptr) *log_sum[r] = most[r] + __builtin_logf(sum[r]);
  }
}

void attention(const Stream& stream, const AttentionArgs& a) {
  const KvPages& kv = a.pages;
  const i64 share = a.heads / kv.heads;
  for (const AttentionSequence& s : a.sequences) {
    // A tile is consecutive (row, head) pairs of one key/value head.
    const i64 pairs = s.rows * share;
    const i64 tiles = ceil_div(pairs, i64{tile_rows});
    stream.threads->parallel_for(tiles * kv.heads, 1, [&](i64 begin, i64 end) {
      for (i64 item = begin; item < end; ++item) {
        const i64 kv_head = item % kv.heads;
        AttentionTile t;
        float* y[tile_rows];
        float* log_sum[tile_rows];
        for (i64 pair = item / kv.heads * tile_rows; t.rows < tile_rows && pair < pairs;
             ++pair, ++t.rows) {
          const i64 row = s.first_row + pair / share;
          const i64 head = kv_head * share + pair % share;
          const i64 place = row * a.heads + head;
          t.sink[t.rows] = a.sinks != nullptr ? a.sinks + head : nullptr;
          t.q[t.rows] = a.q + place * kv.key_size;
          y[t.rows] = a.y + place * kv.value_size;
          log_sum[t.rows] = a.log_sum != nullptr ? a.log_sum + place : nullptr;
          const KeyRange seen = visible_keys(a.mask, a.window, s, row);
          t.visible[t.rows] = seen;
          if (t.rows == 0) {
            t.all = seen;
          } else {
            t.all.begin = seen.begin < t.all.begin ? seen.begin : t.all.begin;
            t.all.end = seen.end > t.all.end ? seen.end : t.all.end;
          }
        }
        switch (t.rows) {
          case 1:
            attend<1>(a, s, t, kv_head, y, log_sum);
            break;
          case 2:
            attend<2>(a, s, t, kv_head, y, log_sum);
            break;
          case 3:
            attend<3>(a, s, t, kv_head, y, log_sum);
            break;
          case 4:
            attend<4>(a, s, t, kv_head, y, log_sum);
            break;
          case 5:
            attend<5>(a, s, t, kv_head, y, log_sum);
            break;
          case 6:
            attend<6>(a, s, t, kv_head, y, log_sum);
            break;
#if defined(__AVX512F__)
          case 7:
            attend<7>(a, s, t, kv_head, y, log_sum);
            break;
          case 8:
            attend<8>(a, s, t, kv_head, y, log_sum);
            break;
          case 9:
            attend<9>(a, s, t, kv_head, y, log_sum);
            break;
          case 10:
            attend<10>(a, s, t, kv_head, y, log_sum);
            break;
          case 11:
            attend<11>(a, s, t, kv_head, y, log_sum);
            break;
          case 12:
            attend<12>(a, s, t, kv_head, y, log_sum);
            break;
#endif
          default:
            break;
        }
      }
    });
  }
}

}  // namespace
}  // namespace medlar::backend::cpu
