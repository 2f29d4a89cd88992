#include <algorithm>

#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

using backend::EncoderAttentionArgs;
using backend::EncoderRows;

void check_projected(std::string_view op, const Projected& p, std::span<const i64> starts) {
  check_rank(op, "q", p.q, 3);
  check_shape(op, "k", p.k, p.q.shape());
  check_shape(op, "v", p.v, p.q.shape());
  MEDLAR_CHECK(!starts.empty() && starts.front() == 0 && starts.back() == p.q.size(0));
}

EncoderAttentionArgs plain_args(const Projected& p, std::span<const i64> starts, float scale) {
  return {.q = p.q.f32(),
          .k = p.k.f32(),
          .v = p.v.f32(),
          .heads = p.q.size(1),
          .size = p.q.size(2),
          .starts = starts.data(),
          .sequences = ssize_of(starts) - 1,
          .scale = scale,
          .place_keys = nullptr,
          .place_queries = nullptr,
          .places = 0,
          .place_of = nullptr,
          .longest = 0,
          .window = 0,
          .wide = nullptr,
          .which = EncoderRows::all,
          .y = nullptr,
          .log_sum = nullptr};
}

void run(Context& ctx, std::string_view op, const EncoderAttentionArgs& args) {
  kernel(ctx.kernels.encoder_attention, ctx, op)(ctx.stream, args);
}

/// Adds the gradients of q, k, v to the tape, and those of the places' terms into the given
/// tensors.
void run_grad(Context& c, Tape& tape, const Projected& p, const EncoderAttentionArgs& args,
              backend::EncoderAttentionGrads grads) {
  Tensor grad_q = Tensor::zeros(c.pool, p.q.shape());
  Tensor grad_k = Tensor::zeros(c.pool, p.k.shape());
  Tensor grad_v = Tensor::zeros(c.pool, p.v.shape());
  grads.grad_q = grad_q.f32();
  grads.grad_k = grad_k.f32();
  grads.grad_v = grad_v.f32();
  kernel(c.kernels.encoder_attention_grad, c, "encoder_attention_grad")(c.stream, args, grads);
  tape.accumulate(c, p.q, grad_q);
  tape.accumulate(c, p.k, grad_k);
  tape.accumulate(c, p.v, grad_v);
}

i64 longest_of(std::span<const i64> starts) {
  i64 longest = 0;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s)
    longest = std::max(longest, starts[s + 1] - starts[s]);
  return longest;
}

/// Places of the distances that occur: the middle of the table.
EncoderAttentionArgs disentangled_args(const Projected& p, std::span<const i64> starts,
                                       const DisentangledSpec& spec) {
  EncoderAttentionArgs args = plain_args(p, starts, spec.scale);
  if (spec.place_keys != nullptr) args.place_keys = spec.place_keys->f32();
  if (spec.place_queries != nullptr) args.place_queries = spec.place_queries->f32();
  const Tensor* any = spec.place_keys != nullptr ? spec.place_keys : spec.place_queries;
  if (any == nullptr) return args;
  args.places = any->size(0);
  args.place_of = spec.place_of.data();
  args.longest = (ssize_of(spec.place_of) + 1) / 2;
  return args;
}

void check_places(const Projected& p, std::span<const i64> starts, const DisentangledSpec& spec) {
  const Tensor* any = spec.place_keys != nullptr ? spec.place_keys : spec.place_queries;
  if (any == nullptr) return;
  for (const auto& [name, terms] :
       {std::pair{"place_keys", spec.place_keys}, std::pair{"place_queries", spec.place_queries}}) {
    if (terms != nullptr)
      check_shape("disentangled_attention", name, *terms, {any->size(0), p.q.size(1), p.q.size(2)});
  }
  if (ssize_of(spec.place_of) < 2 * longest_of(starts) - 1) {
    fail(ErrorCode::shape_mismatch,
         "disentangled_attention: places of {} distances, a sequence of {} tokens needs {}",
         spec.place_of.size(), longest_of(starts), 2 * longest_of(starts) - 1);
  }
  for (const i64 place : spec.place_of) {
    if (place < 0 || place >= any->size(0)) {
      fail(ErrorCode::invalid_argument, "disentangled_attention: place {} is outside [0, {})",
           place, any->size(0));
    }
  }
}

std::optional<Tensor> copied(const Tensor* tensor) {
  return tensor != nullptr ? std::optional(*tensor) : std::nullopt;
}

}  // namespace

Tensor disentangled_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                              std::span<const i64> starts, const DisentangledSpec& spec) {
  const Projected p = {q, k, v};
  check_projected("disentangled_attention", p, starts);
  check_places(p, starts, spec);
  EncoderAttentionArgs args = disentangled_args(p, starts, spec);
  Tensor y = Tensor::empty(ctx.pool, q.shape());
  args.y = y.f32();
  if (ctx.tape == nullptr) {
    run(ctx, "disentangled_attention", args);
    return y;
  }
  Tensor log_sum = Tensor::empty(ctx.pool, {q.size(0), q.size(1)});
  args.log_sum = log_sum.f32();
  run(ctx, "disentangled_attention", args);
  ctx.tape->record(y, [p, y, log_sum, scale = spec.scale, keys = copied(spec.place_keys),
                       queries = copied(spec.place_queries),
                       all_starts = std::vector<i64>(starts.begin(), starts.end()),
                       place_of = std::vector<i64>(spec.place_of.begin(), spec.place_of.end())](
                          Context& c, Tape& tape, const Tensor& g) {
    EncoderAttentionArgs again = disentangled_args(p, all_starts,
                                                   {.scale = scale,
                                                    .place_keys = keys ? &*keys : nullptr,
                                                    .place_queries = queries ? &*queries : nullptr,
                                                    .place_of = place_of});
    Tensor forward = y;
    Tensor sums = log_sum;
    again.y = forward.f32();
    again.log_sum = sums.f32();
    Tensor grad_keys = Tensor::zeros(c.pool, keys ? keys->shape() : Shape{0});
    Tensor grad_queries = Tensor::zeros(c.pool, queries ? queries->shape() : Shape{0});
    run_grad(c, tape, p, again,
             {.grad_y = g.f32(),
              .grad_q = nullptr,
              .grad_k = nullptr,
              .grad_v = nullptr,
              .grad_place_keys = grad_keys.f32(),
              .grad_place_queries = grad_queries.f32()});
    if (keys) tape.accumulate(c, *keys, grad_keys);
    if (queries) tape.accumulate(c, *queries, grad_queries);
  });
  return y;
}

Tensor global_attention(Context& ctx, const Projected& local, const Projected* global,
                        const Tensor& wide, std::span<const i64> starts,
                        const AttentionSpec& spec) {
  check_projected("global_attention", local, starts);
  if (global != nullptr) check_projected("global_attention", *global, starts);
  check_shape("global_attention", "wide", wide, {local.q.size(0)});
  check_dtype("global_attention", "wide", wide, DType::i64);
  MEDLAR_CHECK(spec.window > 0);
  struct Pass {
    Projected projected;
    EncoderRows rows;
  };
  std::vector<Pass> passes = {{local, EncoderRows::narrow}};
  if (global != nullptr) passes.push_back({*global, EncoderRows::wide});
  const auto args_of = [wide, spec](const Pass& pass, std::span<const i64> from) {
    EncoderAttentionArgs args = plain_args(pass.projected, from, spec.scale);
    args.window = pass.rows == EncoderRows::narrow ? spec.window : 0;
    args.wide = wide.i64s();
    args.which = pass.rows;
    return args;
  };
  Tensor y = Tensor::empty(ctx.pool, local.q.shape());
  Tensor log_sum = Tensor::empty(ctx.pool, {local.q.size(0), local.q.size(1)});
  for (const Pass& pass : passes) {
    EncoderAttentionArgs args = args_of(pass, starts);
    args.y = y.f32();
    args.log_sum = log_sum.f32();
    run(ctx, "global_attention", args);
  }
  if (ctx.tape == nullptr) return y;
  ctx.tape->record(
      y, [passes, y, log_sum, args_of, all_starts = std::vector<i64>(starts.begin(), starts.end())](
             Context& c, Tape& tape, const Tensor& g) {
        Tensor forward = y;
        Tensor sums = log_sum;
        for (const Pass& pass : passes) {
          EncoderAttentionArgs again = args_of(pass, all_starts);
          again.y = forward.f32();
          again.log_sum = sums.f32();
          run_grad(c, tape, pass.projected, again,
                   {.grad_y = g.f32(),
                    .grad_q = nullptr,
                    .grad_k = nullptr,
                    .grad_v = nullptr,
                    .grad_place_keys = nullptr,
                    .grad_place_queries = nullptr});
        }
      });
  return y;
}

}  // namespace medlar::ops
