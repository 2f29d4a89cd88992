// Ops that move, pick and sum rows.
#include <algorithm>
#include <cmath>

#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

i64 width_of(const Tensor& x) { return x.shape().rank() == 0 ? 1 : x.size(-1); }

}  // namespace

Tensor embed(Context& ctx, const Tensor& ids, const Weight& weight) {
  check_dtype("embed", "ids", ids, DType::i64);
  check_rank("embed", "ids", ids, 1);
  check_indices("embed", "id", ids, weight.out());
  const i64 rows = ids.size(0);
  Tensor y = Tensor::empty(ctx.pool, {rows, weight.in()});
  kernel(ctx.kernels.embed, ctx, "embed")(
      ctx.stream, {.ids = ids.i64s(), .rows = rows, .weight = weight.view, .y = y.f32()});
  if (ctx.tape != nullptr && weight.trainable) {
    ctx.tape->record(y, [ids, table = *weight.trainable](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::zeros(c.pool, table.shape());
      kernel(c.kernels.scatter_add_rows, c, "scatter_add_rows")(
          c.stream, g.f32(), ids.i64s(), ids.size(0), table.size(1), grad.f32());
      tape.accumulate(c, table, grad);
    });
  }
  return y;
}

Tensor transpose(Context& ctx, const Tensor& x) {
  check_rank("transpose", "x", x, 2);
  Tensor y = Tensor::empty(ctx.pool, {x.size(1), x.size(0)});
  kernel(ctx.kernels.transpose, ctx, "transpose")(ctx.stream, x.f32(), x.size(0), x.size(1),
                                                  y.f32());
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, x, transpose(c, g));
    });
  }
  return y;
}

Tensor gather_rows(Context& ctx, const Tensor& x, const Tensor& index) {
  check_dtype("gather_rows", "index", index, DType::i64);
  check_rank("gather_rows", "x", x, 2);
  check_indices("gather_rows", "row", index, x.size(0));
  const i64 rows = index.count();
  Tensor y = Tensor::empty(ctx.pool, {rows, x.size(1)});
  kernel(ctx.kernels.gather_rows, ctx, "gather_rows")(ctx.stream, x.f32(), index.i64s(), rows,
                                                      x.size(1), y.f32());
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, index](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::zeros(c.pool, x.shape());
      kernel(c.kernels.scatter_add_rows, c, "scatter_add_rows")(
          c.stream, g.f32(), index.i64s(), index.count(), x.size(1), grad.f32());
      tape.accumulate(c, x, grad);
    });
  }
  return y;
}

Tensor sum_rows(Context& ctx, const Tensor& x) {
  check_rank("sum_rows", "x", x, 2);
  Tensor y = Tensor::empty(ctx.pool, {x.size(1)});
  kernel(ctx.kernels.sum_rows, ctx, "sum_rows")(ctx.stream, x.f32(), x.size(0), x.size(1), y.f32());
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x](Context& c, Tape& tape, const Tensor& g) {
      const Tensor index = Tensor::zeros(c.pool, {x.size(0)}, DType::i64);
      tape.accumulate(c, x, gather_rows(c, g.reshape({1, x.size(1)}), index));
    });
  }
  return y;
}

Tensor mean_rows(Context& ctx, const Tensor& x, std::span<const i64> starts) {
  check_rank("mean_rows", "x", x, 2);
  const i64 segments = ssize_of(starts) - 1;
  const i64 width = x.size(1);
  Tensor y = Tensor::empty(ctx.pool, {segments, width});
  const auto sum = kernel(ctx.kernels.sum_rows, ctx, "mean_rows");
  const auto scale_by = kernel(ctx.kernels.scale, ctx, "mean_rows");
  const bool real = x.device() != Device::meta;
  for (i64 s = 0; real && s < segments; ++s) {
    const i64 first = starts[static_cast<std::size_t>(s)];
    const i64 rows = starts[static_cast<std::size_t>(s) + 1] - first;
    if (rows <= 0) fail(ErrorCode::invalid_argument, "mean_rows: segment {} is empty", s);
    float* out = y.f32() + s * width;
    sum(ctx.stream, x.f32() + first * width, rows, width, out);
    scale_by(ctx.stream, 1.0f / static_cast<float>(rows), out, width, out);
  }
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, all = std::vector<i64>(starts.begin(), starts.end())](
                            Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::zeros(c.pool, x.shape());
      const i64 columns = x.size(1);
      for (std::size_t s = 0; s + 1 < all.size(); ++s) {
        const float factor = 1.0f / static_cast<float>(all[s + 1] - all[s]);
        for (i64 r = all[s]; r < all[s + 1]; ++r) {
          for (i64 i = 0; i < columns; ++i) {
            grad.f32()[r * columns + i] = g.f32()[static_cast<i64>(s) * columns + i] * factor;
          }
        }
      }
      tape.accumulate(c, x, grad);
    });
  }
  return y;
}

Tensor l2_normalise(Context& ctx, const Tensor& x) {
  if (ctx.tape != nullptr) fail(ErrorCode::unsupported, "l2_normalise has no gradient");
  constexpr float smallest_length = 1e-12f;
  const i64 width = width_of(x);
  const i64 rows = x.count() / width;
  // x / |x| = rms_norm(x) / sqrt(width), but exact also for the all-zero row.
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  for (i64 r = 0; x.device() != Device::meta && r < rows; ++r) {
    const float* from = x.f32() + r * width;
    double squares = 0.0;
    for (i64 i = 0; i < width; ++i)
      squares += static_cast<double>(from[i]) * static_cast<double>(from[i]);
    const float length = std::max(static_cast<float>(std::sqrt(squares)), smallest_length);
    for (i64 i = 0; i < width; ++i) y.f32()[r * width + i] = from[i] / length;
  }
  return y;
}

namespace {

/// Calls visit(index in [T, D * taps], index in [T, D]) for every place that is not padding.
template <typename Visit>
void for_neighbours(std::span<const i64> starts, i64 width, i64 taps, const Visit& visit) {
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    for (i64 t = starts[s]; t < starts[s + 1]; ++t) {
      for (i64 k = 0; k < taps; ++k) {
        const i64 from = t + k - taps / 2;
        if (from < starts[s] || from >= starts[s + 1]) continue;
        for (i64 i = 0; i < width; ++i) visit((t * width + i) * taps + k, from * width + i);
      }
    }
  }
}

}  // namespace

Tensor neighbours(Context& ctx, const Tensor& x, std::span<const i64> starts, i64 taps) {
  check_rank("neighbours", "x", x, 2);
  MEDLAR_CHECK(taps > 0 && taps % 2 == 1 && !starts.empty() && starts.back() == x.size(0));
  const i64 width = x.size(1);
  Tensor y = Tensor::zeros(ctx.pool, {x.size(0), width * taps});
  if (x.device() != Device::meta) {
    for_neighbours(starts, width, taps, [&](i64 to, i64 from) { y.f32()[to] = x.f32()[from]; });
  }
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, width, taps, all = std::vector<i64>(starts.begin(), starts.end())](
                            Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::zeros(c.pool, x.shape());
      for_neighbours(all, width, taps, [&](i64 from, i64 to) { grad.f32()[to] += g.f32()[from]; });
      tape.accumulate(c, x, grad);
    });
  }
  return y;
}

Tensor concat_columns(Context& ctx, const Tensor& a, const Tensor& b) {
  check_rank("concat_columns", "a", a, 2);
  check_rank("concat_columns", "b", b, 2);
  check_shape("concat_columns", "b", b, {a.size(0), b.size(1)});
  const i64 left = a.size(1);
  const i64 right = b.size(1);
  Tensor y = Tensor::empty(ctx.pool, {a.size(0), left + right});
  for (i64 r = 0; a.device() != Device::meta && r < a.size(0); ++r) {
    std::copy_n(a.f32() + r * left, left, y.f32() + r * (left + right));
    std::copy_n(b.f32() + r * right, right, y.f32() + r * (left + right) + left);
  }
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [a, b, left, right](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad_a = Tensor::empty(c.pool, a.shape());
      Tensor grad_b = Tensor::empty(c.pool, b.shape());
      for (i64 r = 0; r < a.size(0); ++r) {
        const float* from = g.f32() + r * (left + right);
        std::copy_n(from, left, grad_a.f32() + r * left);
        std::copy_n(from + left, right, grad_b.f32() + r * right);
      }
      tape.accumulate(c, a, grad_a);
      tape.accumulate(c, b, grad_b);
    });
  }
  return y;
}

Tensor reshape(Context&, const Tensor& x, Shape shape) { return x.reshape(shape); }

Tensor gather_columns(Context& ctx, const Tensor& x, i64 total) {
  const i64 ranks = ctx.comm.size();
  if (ranks == 1) return x;
  if (ctx.tape != nullptr)
    fail(ErrorCode::unsupported, "gather_columns has no gradient over ranks");
  check_rank("gather_columns", "x", x, 2);
  const i64 rows = x.size(0);
  const auto first_of = [&](i64 rank) { return rank * total / ranks; };
  check_shape("gather_columns", "x", x,
              {rows, first_of(ctx.comm.rank() + 1) - first_of(ctx.comm.rank())});
  const Tensor all = Tensor::empty(ctx.pool, {rows * total});
  Tensor y = Tensor::empty(ctx.pool, {rows, total});
  if (x.device() == Device::meta) return y;
  Tensor gathered = all;
  ctx.comm.all_gather(x.values(), {gathered.f32(), static_cast<std::size_t>(gathered.count())});
  const float* from = gathered.f32();
  for (i64 rank = 0; rank < ranks; ++rank) {
    const i64 columns = first_of(rank + 1) - first_of(rank);
    for (i64 r = 0; r < rows; ++r, from += columns)
      std::copy_n(from, columns, y.f32() + r * total + first_of(rank));
  }
  return y;
}

}  // namespace medlar::ops
