// Ops that move, pick and sum rows.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

i64 width_of(const Tensor& x) { return x.shape().rank() == 0 ? 1 : x.size(-1); }

Shape with_width(const Shape& shape, i64 width) {
  std::vector<i64> sizes(shape.dims().begin(), shape.dims().end());
  sizes.back() = width;
  return Shape(sizes);
}

/// Copies columns [from_first, + count) of rows `from_width` wide to columns [to_first, + count) of
/// rows `to_width` wide; nothing on meta.
void copy_columns(const float* from, i64 from_width, i64 from_first, i64 rows, i64 count, float* to,
                  i64 to_width, i64 to_first) {
  for (i64 r = 0; from != nullptr && r < rows; ++r)
    std::copy_n(from + r * from_width + from_first, count, to + r * to_width + to_first);
}

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

Tensor replace_rows(Context& ctx, const Tensor& x, const Tensor& index, const Tensor& rows) {
  check_dtype("replace_rows", "index", index, DType::i64);
  check_rank("replace_rows", "x", x, 2);
  check_shape("replace_rows", "rows", rows, {index.count(), x.size(1)});
  check_indices("replace_rows", "row", index, x.size(0));
  Tensor y = Tensor::empty(ctx.pool, x.shape());
  if (x.device() != Device::meta) std::copy_n(x.f32(), x.count(), y.f32());
  kernel(ctx.kernels.scatter_rows, ctx, "replace_rows")(ctx.stream, rows.f32(), index.i64s(),
                                                        index.count(), x.size(1), y.f32());
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, index, rows](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, x, replace_rows(c, g, index, Tensor::zeros(c.pool, rows.shape())));
      tape.accumulate(c, rows, gather_rows(c, g, index));
    });
  }
  return y;
}

Tensor mix_rows(Context& ctx, const Tensor& x, const Tensor& index, const Tensor& weight) {
  check_dtype("mix_rows", "index", index, DType::i64);
  check_rank("mix_rows", "x", x, 2);
  check_rank("mix_rows", "index", index, 2);
  check_shape("mix_rows", "weight", weight, index.shape());
  check_indices("mix_rows", "row", index, x.size(0));
  Tensor y = Tensor::empty(ctx.pool, {index.size(0), x.size(1)});
  kernel(ctx.kernels.mix_rows, ctx, "mix_rows")(ctx.stream, {.x = x.f32(),
                                                             .index = index.i64s(),
                                                             .weight = weight.f32(),
                                                             .rows = index.size(0),
                                                             .taps = index.size(1),
                                                             .width = x.size(1),
                                                             .y = y.f32()});
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, index, weight](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::zeros(c.pool, x.shape());
      const i64 width = x.size(1);
      for (i64 t = 0; t < index.count(); ++t) {
        const float* from = g.f32() + t / index.size(1) * width;
        float* to = grad.f32() + index.i64s()[t] * width;
        for (i64 i = 0; i < width; ++i) to[i] += weight.f32()[t] * from[i];
      }
      tape.accumulate(c, x, grad);
    });
  }
  return y;
}

Tensor transpose_groups(Context& ctx, const Tensor& x, i64 rows) {
  check_rank("transpose_groups", "x", x, 2);
  const i64 width = x.size(1);
  if (rows < 1 || x.size(0) % rows != 0) {
    fail(ErrorCode::shape_mismatch, "transpose_groups: {} rows are no groups of {}", x.size(0),
         rows);
  }
  Tensor y = Tensor::empty(ctx.pool, {x.size(0) / rows, width * rows});
  const auto turn = kernel(ctx.kernels.transpose, ctx, "transpose_groups");
  for (i64 g = 0; x.device() != Device::meta && g < y.size(0); ++g)
    turn(ctx.stream, x.f32() + g * rows * width, rows, width, y.f32() + g * rows * width);
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x](Context& c, Tape& tape, const Tensor& g) {
      // Groups of D rows of `rows` values turn back.
      const Tensor columns = g.reshape({g.size(0) * x.size(1), x.size(0) / g.size(0)});
      tape.accumulate(c, x, transpose_groups(c, columns, x.size(1)).reshape(x.shape()));
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

Tensor columns(Context& ctx, const Tensor& x, i64 first, i64 count) {
  const i64 width = width_of(x);
  if (first < 0 || count < 0 || first + count > width) {
    fail(ErrorCode::shape_mismatch, "columns: [{}, {}) of {}", first, first + count, width);
  }
  Tensor y = Tensor::empty(ctx.pool, with_width(x.shape(), count));
  copy_columns(x.f32(), width, first, x.count() / std::max(width, i64{1}), count, y.f32(), count,
               0);
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [x, first, count, width](Context& c, Tape& tape, const Tensor& g) {
      Tensor grad = Tensor::zeros(c.pool, x.shape());
      copy_columns(g.f32(), count, 0, x.count() / width, count, grad.f32(), width, first);
      tape.accumulate(c, x, grad);
    });
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
  check_shape("concat_columns", "b", b, with_width(a.shape(), b.size(-1)));
  const i64 left = width_of(a);
  const i64 right = width_of(b);
  const i64 rows = a.count() / std::max(left, i64{1});
  Tensor y = Tensor::empty(ctx.pool, with_width(a.shape(), left + right));
  copy_columns(a.f32(), left, 0, rows, left, y.f32(), left + right, 0);
  copy_columns(b.f32(), right, 0, rows, right, y.f32(), left + right, left);
  if (ctx.tape != nullptr) {
    ctx.tape->record(y, [a, b, left, right](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, a, columns(c, g, 0, left));
      tape.accumulate(c, b, columns(c, g, left, right));
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
