#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

using backend::AttentionSequence;
using backend::KvPages;
using backend::page_keys;

/// Keys and values of one call laid out in pages of their own, sequence after sequence.
struct OwnPages {
  Tensor keys;
  Tensor values;
  KvPages pages;
  std::vector<i64> page_numbers;  ///< 0, 1, 2, ..; each sequence points into it
  std::vector<AttentionSequence> sequences;
};

OwnPages lay_out(Context& ctx, const Tensor& k, const Tensor& v, std::span<const i64> starts) {
  const i64 heads = k.size(1);
  const i64 rows = k.size(0);
  i64 pages = 0;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s)
    pages += ceil_div(starts[s + 1] - starts[s], page_keys);
  OwnPages own = {
      .keys = Tensor::zeros(ctx.pool, {pages, heads, backend::key_page_floats(k.size(2))}),
      .values = Tensor::zeros(ctx.pool, {pages, heads, backend::value_page_floats(v.size(2))}),
      .pages = {},
      .page_numbers = std::vector<i64>(static_cast<std::size_t>(pages)),
      .sequences = {}};
  own.pages = {.keys = own.keys.f32(),
               .values = own.values.f32(),
               .heads = heads,
               .key_size = k.size(2),
               .value_size = v.size(2)};
  for (i64 p = 0; p < pages; ++p) own.page_numbers[static_cast<std::size_t>(p)] = p;
  Tensor slots = Tensor::empty(ctx.pool, {rows}, DType::i64);
  i64 page = 0;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    const i64 length = starts[s + 1] - starts[s];
    if (length == 0) continue;
    for (i64 i = 0; slots.device() != Device::meta && i < length; ++i) {
      slots.i64s()[starts[s] + i] = page * page_keys + i;
    }
    own.sequences.push_back({.first_row = starts[s],
                             .rows = length,
                             .first_position = 0,
                             .keys = length,
                             .pages = own.page_numbers.data() + page});
    page += ceil_div(length, page_keys);
  }
  store_kv(ctx, k, v, slots, own.pages);
  return own;
}

backend::AttentionArgs attention_args(const Tensor& q, const KvPages& pages,
                                      std::span<const AttentionSequence> sequences,
                                      const AttentionSpec& spec) {
  return {.q = q.f32(),
          .heads = q.size(1),
          .pages = pages,
          .sequences = sequences,
          .scale = spec.scale,
          .mask = spec.mask,
          .window = spec.window,
          .sinks = spec.sinks ? spec.sinks->f32() : nullptr,
          .y = nullptr,
          .log_sum = nullptr};
}

void check_heads(const Tensor& q, i64 kv_heads, i64 key_size, const AttentionSpec& spec) {
  check_rank("attention", "q", q, 3);
  check_shape("attention", "q", q, {q.size(0), q.size(1), key_size});
  if (kv_heads < 1 || q.size(1) % kv_heads != 0) {
    fail(ErrorCode::shape_mismatch,
         "attention: {} query heads are no multiple of {} key/value heads", q.size(1), kv_heads);
  }
  if (spec.sinks) check_shape("attention", "sinks", *spec.sinks, {q.size(1)});
}

}  // namespace

void store_kv(Context& ctx, const Tensor& k, const Tensor& v, const Tensor& slots,
              const KvPages& pages) {
  check_shape("store_kv", "k", k, {k.size(0), pages.heads, pages.key_size});
  check_shape("store_kv", "v", v, {k.size(0), pages.heads, pages.value_size});
  check_shape("store_kv", "slots", slots, {k.size(0)});
  kernel(ctx.kernels.store_kv, ctx, "store_kv")(
      ctx.stream,
      {.k = k.f32(), .v = v.f32(), .slots = slots.i64s(), .rows = k.size(0), .pages = pages});
}

Tensor cached_attention(Context& ctx, const Tensor& q, const KvPages& pages,
                        std::span<const AttentionSequence> sequences, const AttentionSpec& spec) {
  if (ctx.tape != nullptr) fail(ErrorCode::unsupported, "attention over a cache has no gradient");
  check_heads(q, pages.heads, pages.key_size, spec);
  Tensor y = Tensor::empty(ctx.pool, {q.size(0), q.size(1), pages.value_size});
  backend::AttentionArgs args = attention_args(q, pages, sequences, spec);
  args.y = y.f32();
  kernel(ctx.kernels.attention, ctx, "attention")(ctx.stream, args);
  return y;
}

Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                 std::span<const i64> starts, const AttentionSpec& spec) {
  check_rank("attention", "k", k, 3);
  check_rank("attention", "v", v, 3);
  check_heads(q, k.size(1), k.size(2), spec);
  check_shape("attention", "k", k, {q.size(0), k.size(1), k.size(2)});
  check_shape("attention", "v", v, {q.size(0), k.size(1), v.size(2)});
  MEDLAR_CHECK(!starts.empty() && starts.front() == 0 && starts.back() == q.size(0));
  const OwnPages own = lay_out(ctx, k, v, starts);
  Tensor y = Tensor::empty(ctx.pool, {q.size(0), q.size(1), v.size(2)});
  backend::AttentionArgs args = attention_args(q, own.pages, own.sequences, spec);
  args.y = y.f32();
  if (ctx.tape == nullptr) {
    kernel(ctx.kernels.attention, ctx, "attention")(ctx.stream, args);
    return y;
  }
  if (k.size(2) != v.size(2))
    fail(ErrorCode::unsupported, "attention with different key and value sizes has no gradient");
  Tensor log_sum = Tensor::empty(ctx.pool, {q.size(0), q.size(1)});
  args.log_sum = log_sum.f32();
  kernel(ctx.kernels.attention, ctx, "attention")(ctx.stream, args);
  ctx.tape->record(y, [q, k, v, y, log_sum, spec, sequences = own.sequences](Context& c, Tape& tape,
                                                                             const Tensor& g) {
    Tensor grad_q = Tensor::zeros(c.pool, q.shape());
    Tensor grad_k = Tensor::zeros(c.pool, k.shape());
    Tensor grad_v = Tensor::zeros(c.pool, v.shape());
    kernel(c.kernels.attention_grad, c, "attention_grad")(c.stream, {.q = q.f32(),
                                                                     .k = k.f32(),
                                                                     .v = v.f32(),
                                                                     .y = y.f32(),
                                                                     .log_sum = log_sum.f32(),
                                                                     .grad_y = g.f32(),
                                                                     .heads = q.size(1),
                                                                     .kv_heads = k.size(1),
                                                                     .head_size = q.size(2),
                                                                     .sequences = sequences,
                                                                     .scale = spec.scale,
                                                                     .mask = spec.mask,
                                                                     .window = spec.window,
                                                                     .grad_q = grad_q.f32(),
                                                                     .grad_k = grad_k.f32(),
                                                                     .grad_v = grad_v.f32()});
    tape.accumulate(c, q, grad_q);
    tape.accumulate(c, k, grad_k);
    tape.accumulate(c, v, grad_v);
  });
  return y;
}

Tensor rope(Context& ctx, const Tensor& x, const Tensor& cos, const Tensor& sin,
            RopeLayout layout) {
  check_rank("rope", "x", x, 3);
  check_rank("rope", "cos", cos, 2);
  check_shape("rope", "cos", cos, {x.size(0), cos.size(1)});
  check_shape("rope", "sin", sin, cos.shape());
  if (cos.size(1) * 2 > x.size(2)) {
    fail(ErrorCode::shape_mismatch, "rope: {} rotary dimensions in heads of size {}",
         cos.size(1) * 2, x.size(2));
  }
  const auto turn = [cos, sin, layout](Context& c, const Tensor& from, Direction direction) {
    Tensor y = Tensor::empty(c.pool, from.shape());
    kernel(c.kernels.rope, c, "rope")(c.stream, {.x = from.f32(),
                                                 .rows = from.size(0),
                                                 .heads = from.size(1),
                                                 .head_size = from.size(2),
                                                 .rotary = cos.size(1) * 2,
                                                 .cos = cos.f32(),
                                                 .sin = sin.f32(),
                                                 .layout = layout,
                                                 .direction = direction,
                                                 .y = y.f32()});
    return y;
  };
  Tensor y = turn(ctx, x, Direction::forward);
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, turn](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, x, turn(c, g, Direction::inverse));
    });
  }
  return y;
}

}  // namespace medlar::ops
