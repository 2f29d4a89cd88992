#include "models/encoder_head.h"

#include <algorithm>

#include "base/error.h"
#include "models/config.h"
#include "models/heads.h"

namespace medlar::models {
namespace {

bool has_matrix(const nn::Weights& w, std::string_view name) {
  return name.empty() || w.has(std::string(name) + ".weight");
}

/// Whether the checkpoint has what `output` needs; a tied matrix shows by its bias.
bool is_stored(const nn::Weights& w, const HeadOutput& output) {
  return output.if_stored ||
         (has_matrix(w, output.dense) &&
          (has_matrix(w, output.matrix) || (!output.bias.empty() && w.has(output.bias))));
}

bool all_stored(const nn::Weights& w, std::span<const HeadOutput> table,
                std::string_view architecture) {
  return std::ranges::all_of(table, [&](const HeadOutput& output) {
    return output.architecture != architecture || is_stored(w, output);
  });
}

/// The table's architecture that the configuration or, where it is silent, the checkpoint is of.
std::string_view chosen_architecture(const Json& config, const nn::Weights& w,
                                     std::span<const HeadOutput> table) {
  const std::string name = architecture(config);
  std::string known;
  for (const HeadOutput& output : table) {
    if (name.empty() ? all_stored(w, table, output.architecture)
                     : name.ends_with(output.architecture)) {
      return output.architecture;
    }
    if (!known.ends_with(output.architecture))
      known += (known.empty() ? "" : ", ") + std::string(output.architecture);
  }
  if (name.empty()) return "";
  fail(ErrorCode::unsupported, "no head for architecture '{}' (known ends of the name: {})", name,
       known);
}

nn::Linear final_matrix(const Json& config, const nn::Weights& w, const HeadOutput& spec,
                        const ops::Weight& words, i64 in) {
  const std::string name(spec.matrix);
  if (spec.final == Final::vocabulary) {
    const bool own =
        !ConfigReader(config).flag_or("tie_word_embeddings", spec.tied) && w.has(name + ".weight");
    if (own && (spec.bias.empty() || w.has(name + ".bias")))
      return w.linear(name, words.out(), in, nn::Split::none, spec.biases);
    const std::string bias = spec.bias.empty() ? name + ".bias" : std::string(spec.bias);
    nn::Linear linear = {.weight = words,
                         .bias = std::nullopt,
                         .split = nn::Split::none,
                         .out = words.out(),
                         .in = in};
    if (own) linear = w.linear(name, words.out(), in);
    if (spec.biases == nn::Bias::present || w.has(bias)) linear.bias = w.vector(bias, words.out());
    return linear;
  }
  const i64 expected = spec.final == Final::ends ? 2 : ssize_of(label_names(config));
  const i64 out = spec.final == Final::ends
                      ? expected
                      : w.rows_of(name + ".weight", std::max(i64{1}, expected));
  return w.linear(name, out, in, nn::Split::none, nn::Bias::present);
}

/// Rows of x that the output is made of, before any layer.
Tensor pool(Context& ctx, const Tensor& x, const Batch& batch, Pooling pooling) {
  switch (pooling) {
    case Pooling::none:
      return rows_for_logits(ctx, x, batch);
    case Pooling::first: {
      const std::span<const i64> firsts(batch.starts.data(), batch.starts.size() - 1);
      return ops::gather_rows(ctx, x, Tensor::of(ctx.pool, {ssize_of(firsts)}, firsts));
    }
    case Pooling::mean:
      return ops::mean_rows(ctx, x, batch.starts);
    case Pooling::mean_of_rows:
      break;
  }
  return x;
}

/// Columns of ends [T, 2] as two outputs: a score per token for the answer's start, one for its
/// end.
void add_ends(Context& ctx, const Tensor& ends, Outputs& outputs) {
  const Tensor ends_2T = ops::transpose(ctx, ends);
  for (const i64 row : {0, 1}) {
    const Tensor index = Tensor::of(ctx.pool, {1}, std::span<const i64>(&row, 1));
    outputs.push_back({row == 0 ? "start_logits" : "end_logits", Per::token,
                       ops::gather_rows(ctx, ends_2T, index).reshape({ends.size(0), 1})});
  }
}

}  // namespace

EncoderHead::Layer::Layer(const Json& config, const nn::Weights& w, const HeadOutput& output,
                          const ops::Weight& words, const Sizes& sizes)
    : spec(output), activation(output.activation) {
  i64 width = sizes.hidden;
  if (!output.activation_key.empty()) {
    activation = nn::activation_named(ConfigReader(config).text_or(output.activation_key, "gelu"));
  }
  if (!output.dense.empty()) {
    const i64 out = output.final == Final::vocabulary ? words.in() : sizes.hidden;
    dense = w.linear(output.dense, out, sizes.hidden, nn::Split::none, output.biases);
    width = out;
  }
  if (!output.norm.empty())
    norm = nn::layer_norm(w, output.norm, width, sizes.epsilon, output.biases);
  if (output.final != Final::none) final = final_matrix(config, w, output, words, width);
}

Tensor EncoderHead::Layer::operator()(Context& ctx, const Tensor& x, const Batch& batch) const {
  Tensor y = pool(ctx, x, batch, spec.pooling);
  if (dense) y = (*dense)(ctx, y);
  if (activation != nullptr) y = activation(ctx, y);
  if (norm) y = (*norm)(ctx, y);
  if (final) y = (*final)(ctx, y);
  return spec.pooling == Pooling::mean_of_rows ? ops::mean_rows(ctx, y, batch.starts) : y;
}

EncoderHead::EncoderHead(const Json& config, const nn::Weights& w,
                         std::span<const HeadOutput> table, const ops::Weight& words,
                         const Sizes& sizes) {
  const std::string_view architecture = chosen_architecture(config, w, table);
  for (const HeadOutput& output : table) {
    if (output.architecture != architecture) continue;
    if (output.if_stored && !has_matrix(w, output.dense)) continue;
    layers_.emplace_back(config, w, output, words, sizes);
  }
}

Outputs EncoderHead::operator()(Context& ctx, const Tensor& x, const Batch& batch) const {
  Outputs outputs;
  for (const Layer& layer : layers_) {
    const Tensor y = layer(ctx, x, batch);
    if (layer.spec.final == Final::ends) {
      add_ends(ctx, y, outputs);
    } else {
      outputs.push_back({std::string(layer.spec.name),
                         layer.spec.pooling == Pooling::none ? Per::token : Per::sequence, y});
    }
  }
  return outputs;
}

}  // namespace medlar::models
