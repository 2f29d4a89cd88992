#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "models/deberta_encoder.h"
#include "models/heads.h"

namespace medlar::models {
namespace {

constexpr BertNames names = {.query = "attention.self.query_proj",
                             .key = "attention.self.key_proj",
                             .value = "attention.self.value_proj"};

/// "pos_att_type" is a list, or one string with bars between.
bool has_term(const Json& config, const std::string& term) {
  const auto types = config.find("pos_att_type");
  if (types == config.end()) return false;
  if (types->is_string()) return types->get<std::string>().find(term) != std::string::npos;
  return types->is_array() && std::ranges::find(*types, Json(term)) != types->end();
}

/// A whole number where `otherwise` stands for anything below 1, as the files write -1.
i64 positive_or(const ConfigReader& c, std::string_view key, i64 otherwise) {
  return c.number_or(key, -1.0) < 1.0 ? otherwise : c.size(key);
}

/// What BERT's reader wants positive may be 0 here: token types, and the position table unless it
/// is asked for.
BertConfig read_bert(const Json& config) {
  const ConfigReader c(config);
  Json bert = config;
  for (const char* key : {"type_vocab_size", "position_embedding_type"}) bert.erase(key);
  if (!c.has("layer_norm_eps")) bert["layer_norm_eps"] = 1e-7;
  BertConfig result{ConfigReader(bert)};
  result.types = positive_or(c, "type_vocab_size", 0);
  if (!c.flag_or("position_biased_input", true)) result.context = 0;
  result.names = names;
  return result;
}

}  // namespace

DebertaConfig::DebertaConfig(const Json& config)
    : BertConfig(read_bert(config)),
      E(ConfigReader(config).size_or("embedding_size", D)),
      tokens(ConfigReader(config).size_or("max_position_embeddings", 512)),
      relative(ConfigReader(config).flag_or("relative_attention", false)),
      c2p(has_term(config, "c2p")),
      p2c(has_term(config, "p2c")),
      shared_projections(ConfigReader(config).flag_or("share_att_key", false)) {
  const ConfigReader c(config);
  buckets = positive_or(c, "position_buckets", 0);
  most_distant = positive_or(c, "max_relative_positions", tokens);
  span = buckets > 0 ? buckets : most_distant;
  norm_places = c.text_or("norm_rel_ebd", "none").find("layer_norm") != std::string::npos;
  convolution = positive_or(c, "conv_kernel_size", 0);
  convolution_activation = nn::activation_named(c.text_or("conv_act", "tanh"));
  if (convolution > 0 && (convolution % 2 == 0 || c.size_or("conv_groups", 1) != 1)) {
    fail(ErrorCode::unsupported, "deberta-v2 with a convolution of {} taps in {} groups",
         convolution, c.size_or("conv_groups", 1));
  }
}

i64 DebertaConfig::place(i64 distance) const {
  const i64 mid = buckets / 2;
  i64 bucket = distance;
  if (buckets > 0 && std::abs(distance) > mid) {
    // In float, as the reference rounds. Odd configurations give infinities: the last bucket.
    const float ratio = static_cast<float>(std::abs(distance)) / static_cast<float>(mid);
    const float farthest = std::log(
        static_cast<float>(static_cast<double>(most_distant - 1) / static_cast<double>(mid)));
    const float steps = std::ceil(std::log(ratio) / farthest * static_cast<float>(mid - 1));
    const i64 far = std::fabs(steps) < 1e9f ? static_cast<i64>(steps) + mid : span;
    bucket = distance < 0 ? -far : far;
  }
  return std::clamp(bucket + span, i64{0}, 2 * span - 1);
}

DebertaAttention::DebertaAttention(const nn::Weights& w, const DebertaConfig& c)
    : content(bert_attention(w, c)), terms(1 + (c.c2p ? 1 : 0) + (c.p2c ? 1 : 0)) {
  content.spec.scale = 1.0f / std::sqrt(static_cast<float>(content.head_size * terms));
  if (!c.relative) return;
  const auto projection = [&](std::string_view name) {
    return w.linear(name, c.D, c.D, nn::Split::out, nn::Bias::present);
  };
  if (c.c2p)
    place_key = c.shared_projections ? content.k_proj : projection("attention.self.pos_key_proj");
  if (c.p2c) {
    place_query =
        c.shared_projections ? content.q_proj : projection("attention.self.pos_query_proj");
  }
}

Tensor DebertaAttention::operator()(Context& ctx, const Tensor& x_TD,
                                    const std::optional<Tensor>& places_PD,
                                    std::span<const i64> place_of, const Batch& batch) const {
  const auto by_head = [&](const nn::Linear& project, const Tensor& x) {
    const Tensor y = project(ctx, x);
    return y.reshape({y.size(0), y.size(1) / content.head_size, content.head_size});
  };
  std::optional<Tensor> keys_PHd, queries_PHd;
  if (place_key) keys_PHd = by_head(*place_key, *places_PD);
  if (place_query) queries_PHd = by_head(*place_query, *places_PD);
  const Tensor y_THd =
      ops::disentangled_attention(ctx, by_head(content.q_proj, x_TD), by_head(content.k_proj, x_TD),
                                  by_head(content.v_proj, x_TD), batch.starts,
                                  {.scale = content.spec.scale,
                                   .place_keys = keys_PHd ? &*keys_PHd : nullptr,
                                   .place_queries = queries_PHd ? &*queries_PHd : nullptr,
                                   .place_of = place_of});
  return content.o_proj(ctx, y_THd.reshape({x_TD.size(0), y_THd.size(1) * y_THd.size(2)}));
}

DebertaConvolution::DebertaConvolution(const nn::Weights& w, const DebertaConfig& c)
    : taps(c.convolution),
      weight(ops::trainable_weight(
          w.values("conv.weight", {c.D, c.D, taps}).reshape({c.D, c.D * taps}))),
      bias(w.vector("conv.bias", c.D)),
      norm(nn::layer_norm(w, "LayerNorm", c.D, c.epsilon)),
      activation(c.convolution_activation) {}

Tensor DebertaConvolution::operator()(Context& ctx, const Tensor& input_TD, const Tensor& x_TD,
                                      const Batch& batch) const {
  const Tensor around = ops::neighbours(ctx, input_TD, batch.starts, taps);
  const Tensor y_TD = activation(ctx, ops::linear(ctx, around, weight, &bias));
  return norm(ctx, ops::add(ctx, x_TD, y_TD));
}

DebertaEncoder::DebertaEncoder(const Json& config, const nn::Weights& w)
    : c_(config),
      words_(w.at("embeddings").table("word_embeddings", c_.V, c_.E)),
      norm_(nn::layer_norm(w.at("embeddings"), "LayerNorm", c_.D, c_.epsilon)) {
  const nn::Weights embeddings = w.at("embeddings");
  const nn::Weights encoder = w.at("encoder");
  if (c_.context > 0) positions_ = embeddings.table("position_embeddings", c_.context, c_.E);
  if (c_.types > 0) types_ = embeddings.table("token_type_embeddings", c_.types, c_.E);
  if (c_.E != c_.D) project_ = embeddings.linear("embed_proj", c_.D, c_.E);
  if (c_.relative) place_table_ = encoder.table("rel_embeddings", 2 * c_.span, c_.D);
  if (c_.relative && c_.norm_places)
    place_norm_ = nn::layer_norm(encoder, "LayerNorm", c_.D, c_.epsilon);
  if (c_.convolution > 0) convolution_.emplace(encoder.at("conv"), c_);
  for (i64 i = 0; i < c_.layers; ++i) {
    const nn::Weights layer = encoder.at("layer", i);
    blocks_.push_back({DebertaAttention(layer, c_), BertTail(layer, c_)});
  }
}

Tensor DebertaEncoder::embed(Context& ctx, const Batch& batch) const {
  Tensor x = ops::embed(ctx, batch.ids, words_);
  if (positions_) x = ops::add(ctx, x, ops::embed(ctx, batch.positions, *positions_));
  if (types_) x = ops::add(ctx, x, ops::embed(ctx, token_types(ctx, batch), *types_));
  if (project_) x = (*project_)(ctx, x);
  return norm_(ctx, x);
}

/// The normed embeddings of all places -> [2 span, D].
std::optional<Tensor> DebertaEncoder::places(Context& ctx) const {
  if (!place_table_) return std::nullopt;
  Tensor numbers = Tensor::empty(ctx.pool, {2 * c_.span}, DType::i64);
  for (i64 p = 0; numbers.device() != Device::meta && p < 2 * c_.span; ++p) numbers.i64s()[p] = p;
  const Tensor places_PD = ops::embed(ctx, numbers, *place_table_);
  return place_norm_ ? (*place_norm_)(ctx, places_PD) : places_PD;
}

/// The place of each distance that occurs in the batch.
std::vector<i64> DebertaEncoder::place_numbers(const Batch& batch) const {
  i64 longest = 1;
  for (std::size_t s = 0; s + 1 < batch.starts.size(); ++s)
    longest = std::max(longest, batch.starts[s + 1] - batch.starts[s]);
  std::vector<i64> numbers;
  for (i64 distance = 1 - longest; distance < longest; ++distance)
    numbers.push_back(c_.place(distance));
  return numbers;
}

Tensor DebertaEncoder::operator()(Context& ctx, const Batch& batch) const {
  const Tensor embedded_TD = embed(ctx, batch);
  const std::optional<Tensor> places_PD = places(ctx);
  const std::vector<i64> place_of = place_numbers(batch);
  Tensor x_TD = embedded_TD;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    ctx.observe(static_cast<i64>(i), x_TD);
    const Tensor attended_TD = blocks_[i].attention(ctx, x_TD, places_PD, place_of, batch);
    x_TD = blocks_[i].tail(ctx, x_TD, attended_TD);
    if (i == 0 && convolution_) x_TD = (*convolution_)(ctx, embedded_TD, x_TD, batch);
  }
  ctx.observe(c_.layers, x_TD);
  return x_TD;
}

}  // namespace medlar::models
