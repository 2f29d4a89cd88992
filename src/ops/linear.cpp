#include "ops/checks.h"
#include "ops/ops.h"

namespace medlar::ops {
namespace {

using backend::InputLayout;

/// x times m, x [rows, k] or transposed [k, rows], m [k, columns] -> [rows, columns]: both products
/// of a gradient, at the speed of the forward one and without a transposed copy.
Tensor product(Context& ctx, const Tensor& x, InputLayout layout, const Tensor& m) {
  const i64 rows = x.size(layout == InputLayout::rows ? 0 : 1);
  Tensor y = Tensor::empty(ctx.pool, {rows, m.size(1)});
  kernel(ctx.kernels.linear, ctx, "linear")(
      ctx.stream, {.x = x.f32(),
                   .rows = rows,
                   .weight = {.format = QuantFormat::f32,
                              .layout = backend::WeightLayout::columns,
                              .data = reinterpret_cast<const std::byte*>(m.f32()),
                              .out = m.size(1),
                              .in = m.size(0)},
                   .bias = nullptr,
                   .y = y.f32(),
                   .x_layout = layout});
  return y;
}

/// The weight's values as f32 [out, in].
Tensor dequantised(Context& ctx, const Weight& weight) {
  if (weight.trainable) return *weight.trainable;
  Tensor ids = Tensor::empty(ctx.pool, {weight.out()}, DType::i64);
  for (i64 i = 0; i < weight.out(); ++i) ids.i64s()[i] = i;
  return embed(ctx, ids, weight);
}

}  // namespace

i64 Weight::bytes() const {
  const i64 columns = view.in;
  return view.layout == backend::WeightLayout::rows
             ? bytes_of(view.format, columns) * view.out
             : backend::reference_kernels().panel_bytes(view.format, view.out, columns);
}

Weight trainable_weight(const Tensor& values) {
  check_rank("weight", "values", values, 2);
  return {.view = {.format = QuantFormat::f32,
                   .layout = backend::WeightLayout::rows,
                   .data = reinterpret_cast<const std::byte*>(values.f32()),
                   .out = values.size(0),
                   .in = values.size(1)},
          .owner = std::make_shared<const Tensor>(values),
          .trainable = values};
}

Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias) {
  check_dtype("linear", "x", x, DType::f32);
  check_shape("linear", "x", x, {x.shape().rank() == 2 ? x.size(0) : 0, weight.in()});
  if (bias != nullptr) check_shape("linear", "bias", *bias, {weight.out()});
  const i64 rows = x.size(0);
  Tensor y = Tensor::empty(ctx.pool, {rows, weight.out()});
  kernel(ctx.kernels.linear, ctx, "linear")(ctx.stream,
                                            {.x = x.f32(),
                                             .rows = rows,
                                             .weight = weight.view,
                                             .bias = bias != nullptr ? bias->f32() : nullptr,
                                             .y = y.f32()});
  if (ctx.inputs != nullptr) (*ctx.inputs)(weight.view, x.f32(), rows);
  if (ctx.tape != nullptr) {
    const std::optional<Tensor> b = bias != nullptr ? std::optional(*bias) : std::nullopt;
    ctx.tape->record(y, [x, weight, b](Context& c, Tape& tape, const Tensor& g) {
      tape.accumulate(c, x, product(c, g, InputLayout::rows, dequantised(c, weight)));
      if (weight.trainable)
        tape.accumulate(c, *weight.trainable, product(c, g, InputLayout::columns, x));
      if (b) tape.accumulate(c, *b, sum_rows(c, g));
    });
  }
  return y;
}

}  // namespace medlar::ops
