#include "models/heads.h"

#include "base/error.h"
#include "models/config.h"

namespace medlar::models {
namespace {

nn::Linear make_linear(const Json& config, const nn::Weights& w, const ops::Weight& embedding,
                       bool generates, bool tied) {
  if (!generates) {
    const i64 labels = w.rows_of("score.weight", std::max(i64{1}, ssize_of(label_names(config))));
    return w.linear("score", labels, embedding.in(), nn::Split::none, nn::Bias::optional);
  }
  if (!tied) return w.linear("lm_head", embedding.out(), embedding.in(), nn::Split::out);
  return {.weight = embedding,
          .bias = std::nullopt,
          .split = nn::Split::none,
          .out = embedding.out(),
          .in = embedding.in()};
}

}  // namespace

DecoderHead::DecoderHead(const Json& config, const nn::Weights& w, const ops::Weight& embedding,
                         bool tied)
    : generates_(!architecture(config).ends_with("ForTokenClassification")),
      linear_(make_linear(config, w, embedding, generates_, tied)) {}

Outputs DecoderHead::operator()(Context& ctx, const Tensor& h, const Batch& batch) const {
  Tensor logits = linear_(ctx, rows_for_logits(ctx, h, batch));
  if (linear_.split == nn::Split::out) logits = ops::gather_columns(ctx, logits, linear_.out);
  return {{.name = "logits", .per = Per::token, .value = logits}};
}

Tensor rows_for_logits(Context& ctx, const Tensor& h, const Batch& batch) {
  return batch.logit_rows ? ops::gather_rows(ctx, h, *batch.logit_rows) : h;
}

void check_ranks(const nn::Weights& w, std::string_view what, i64 count) {
  if (count % w.ranks() != 0)
    fail(ErrorCode::unsupported, "{} {} cannot be shared among {} ranks", count, what, w.ranks());
}

void check_heads(const nn::Weights& w, i64 query_heads, i64 kv_heads) {
  check_ranks(w, "query heads", query_heads);
  if (w.ranks() % kv_heads != 0) check_ranks(w, "key/value heads", kv_heads);
}

}  // namespace medlar::models
