#include "models/bert_layers.h"

#include <cmath>

#include "base/error.h"
#include "models/heads.h"

namespace medlar::models {

BertConfig::BertConfig(const ConfigReader& c)
    : D(c.size("hidden_size")),
      H(c.size("num_attention_heads")),
      F(c.size("intermediate_size")),
      V(c.size("vocab_size")),
      layers(c.size("num_hidden_layers")),
      context(c.size_or("max_position_embeddings", 512)),
      types(c.size_or("type_vocab_size", 2)),
      epsilon(static_cast<float>(c.number_or("layer_norm_eps", 1e-12))),
      activation(nn::activation_named(c.text_or("hidden_act", "gelu"))) {
  if (D % H != 0) fail(ErrorCode::corrupt_file, "config: hidden_size {} over {} heads", D, H);
  const std::string positions = c.text_or("position_embedding_type", "absolute");
  if (positions != "absolute")
    fail(ErrorCode::unsupported, "an encoder with '{}' positions", positions);
}

BertEmbeddings::BertEmbeddings(const nn::Weights& w, const BertConfig& c, i64 width)
    : words(w.table("word_embeddings", c.V, width)),
      positions(w.table("position_embeddings", c.context, width)),
      norm(nn::layer_norm(w, "LayerNorm", width, c.epsilon)) {
  if (c.types > 0) types = w.table("token_type_embeddings", c.types, width);
}

Tensor BertEmbeddings::operator()(Context& ctx, const Batch& batch,
                                  const Tensor& positions_T) const {
  Tensor x = ops::embed(ctx, batch.ids, words);
  if (types) x = ops::add(ctx, x, ops::embed(ctx, token_types(ctx, batch), *types));
  x = ops::add(ctx, x, ops::embed(ctx, positions_T, positions));
  return ops::dropout(ctx, norm(ctx, x));
}

nn::SelfAttention bert_attention(const nn::Weights& w, const BertConfig& c) {
  check_ranks(w, "heads", c.H);
  const i64 head_size = c.D / c.H;
  const auto projection = [&](std::string_view name, nn::Split split) {
    return w.linear(name, c.D, c.D, split, nn::Bias::present);
  };
  return {.q_proj = projection(c.names.query, nn::Split::out),
          .k_proj = projection(c.names.key, nn::Split::out),
          .v_proj = projection(c.names.value, nn::Split::out),
          .o_proj = projection(c.names.attention_output, nn::Split::in),
          .q_norm = std::nullopt,
          .k_norm = std::nullopt,
          .head_size = head_size,
          .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(head_size)),
                   .mask = ops::Mask::bidirectional}};
}

BertMlp::BertMlp(const nn::Weights& w, const BertConfig& c)
    : intermediate(w.linear(c.names.intermediate, c.F, c.D, nn::Split::out, nn::Bias::present)),
      output(w.linear(c.names.output, c.D, c.F, nn::Split::in, nn::Bias::present)),
      activation(c.activation) {}

Tensor BertMlp::operator()(Context& ctx, const Tensor& x_TD) const {
  return ops::dropout(ctx, output(ctx, activation(ctx, intermediate(ctx, x_TD))));
}

BertTail::BertTail(const nn::Weights& w, const BertConfig& c)
    : attention_norm(nn::layer_norm(w, c.names.attention_norm, c.D, c.epsilon)),
      mlp(w, c),
      output_norm(nn::layer_norm(w, c.names.output_norm, c.D, c.epsilon)) {}

Tensor BertTail::operator()(Context& ctx, const Tensor& x_TD, const Tensor& attended_TD) const {
  const Tensor a_TD = attention_norm(ctx, ops::add(ctx, x_TD, ops::dropout(ctx, attended_TD)));
  return output_norm(ctx, ops::add(ctx, a_TD, mlp(ctx, a_TD)));
}

BertEncoder::BertEncoder(const nn::Weights& w, const BertConfig& c) {
  for (i64 i = 0; i < c.layers; ++i) blocks.emplace_back(w.at("layer", i), c);
}

Tensor BertEncoder::operator()(Context& ctx, Tensor x_TD, const Batch& batch) const {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ctx.observe(static_cast<i64>(i), x_TD);
    x_TD = blocks[i](ctx, x_TD, batch);
  }
  ctx.observe(ssize_of(blocks), x_TD);
  return x_TD;
}

Tensor token_types(Context& ctx, const Batch& batch) {
  return batch.token_types ? *batch.token_types
                           : Tensor::zeros(ctx.pool, batch.ids.shape(), DType::i64);
}

Tensor positions_after_padding(Context& ctx, const Batch& batch, i64 padding) {
  Tensor positions = Tensor::empty(ctx.pool, batch.ids.shape(), DType::i64);
  if (positions.device() == Device::meta) return positions;
  for (std::size_t s = 0; s + 1 < batch.starts.size(); ++s) {
    i64 seen = 0;
    for (i64 t = batch.starts[s]; t < batch.starts[s + 1]; ++t)
      positions.i64s()[t] = padding + (batch.ids.i64s()[t] == padding ? 0 : ++seen);
  }
  return positions;
}

i64 padding_id(const ConfigReader& c, i64 vocabulary, i64 otherwise) {
  const double id = c.number_or("pad_token_id", static_cast<double>(otherwise));
  if (!(id >= 0.0 && id < static_cast<double>(vocabulary)))
    fail(ErrorCode::corrupt_file, "config: pad_token_id must be in [0, {})", vocabulary);
  return static_cast<i64>(id);
}

ModelFacts encoder_facts(const BertConfig& c, i64 context) {
  return {.direction = Direction::bidirectional,
          .generates = false,
          .layers = c.layers,
          .hidden = c.D,
          .vocabulary = c.V,
          .context = context,
          .kv = {}};
}

}  // namespace medlar::models
