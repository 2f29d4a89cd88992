#include "models/encoder_head.h"

#include "models/config.h"
#include "models/heads.h"

namespace medlar::models {

EncoderHead::MaskedLm::MaskedLm(const nn::Weights& w, const ops::Weight& words, const Sizes& sizes)
    : dense(w.at("transform")
                .linear("dense", sizes.hidden, sizes.hidden, nn::Split::none, nn::Bias::present)),
      norm(nn::layer_norm(w.at("transform"), "LayerNorm", sizes.hidden, sizes.epsilon)),
      decoder{.weight = words,
              .bias = w.vector("bias", sizes.vocabulary),
              .split = nn::Split::none,
              .out = sizes.vocabulary,
              .in = sizes.hidden} {}

Tensor EncoderHead::MaskedLm::operator()(Context& ctx, const Tensor& x) const {
  return decoder(ctx, norm(ctx, ops::gelu(ctx, dense(ctx, x))));
}

EncoderHead::Task EncoderHead::task_of(const Json& config, const nn::Weights& w) {
  const std::string name = architecture(config);
  if (name.ends_with("ForTokenClassification")) return Task::token;
  if (name.ends_with("ForSequenceClassification")) return Task::sequence;
  if (name.ends_with("ForQuestionAnswering")) return Task::question;
  if (name.ends_with("ForMaskedLM")) return Task::masked_lm;
  if (name.ends_with("ForPreTraining")) return Task::pretraining;
  if (!name.empty()) return Task::hidden;
  if (w.has("classifier.weight")) return Task::token;
  return w.has("cls.predictions.bias") ? Task::pretraining : Task::hidden;
}

EncoderHead::EncoderHead(const Json& config, const nn::Weights& w, const nn::Weights& encoder,
                         const ops::Weight& words, const Sizes& sizes)
    : task_(task_of(config, w)) {
  const auto classifier = [&](const nn::Weights& scope, std::string_view name, i64 labels) {
    classifier_ = scope.linear(name, labels, sizes.hidden, nn::Split::none, nn::Bias::present);
  };
  const bool needs_pooler = task_ == Task::sequence || task_ == Task::pretraining;
  if (needs_pooler || (task_ == Task::hidden && encoder.has("pooler.dense.weight"))) {
    pooler_ = encoder.at("pooler").linear("dense", sizes.hidden, sizes.hidden, nn::Split::none,
                                          nn::Bias::present);
  }
  if (task_ == Task::token || task_ == Task::sequence) {
    classifier(w, "classifier",
               w.rows_of("classifier.weight", std::max(i64{1}, ssize_of(label_names(config)))));
  } else if (task_ == Task::question) {
    classifier(w, "qa_outputs", 2);
  } else if (task_ == Task::pretraining) {
    classifier(w.at("cls"), "seq_relationship", 2);
  }
  if (task_ == Task::masked_lm || task_ == Task::pretraining) {
    masked_lm_.emplace(w.at("cls").at("predictions"), words, sizes);
  }
}

Outputs EncoderHead::operator()(Context& ctx, const Tensor& x, const Batch& batch) const {
  switch (task_) {
    case Task::token:
      return {{"logits", Per::token, (*classifier_)(ctx, rows_for_logits(ctx, x, batch))}};
    case Task::sequence:
      return {{"logits", Per::sequence, (*classifier_)(ctx, pooled(ctx, x, batch))}};
    case Task::question:
      return question(ctx, x);
    case Task::masked_lm:
      return {{"logits", Per::token, (*masked_lm_)(ctx, rows_for_logits(ctx, x, batch))}};
    case Task::pretraining: {
      const Tensor pooler_output = pooled(ctx, x, batch);
      return {{"prediction_logits", Per::token, (*masked_lm_)(ctx, rows_for_logits(ctx, x, batch))},
              {"seq_relationship_logits", Per::sequence, (*classifier_)(ctx, pooler_output)},
              {"pooler_output", Per::sequence, pooler_output}};
    }
    case Task::hidden:
      break;
  }
  Outputs outputs = {{"last_hidden_state", Per::token, x}};
  if (pooler_) outputs.push_back({"pooler_output", Per::sequence, pooled(ctx, x, batch)});
  return outputs;
}

/// tanh of a dense layer on each sequence's first token -> [S, D].
Tensor EncoderHead::pooled(Context& ctx, const Tensor& x, const Batch& batch) const {
  const std::span<const i64> firsts(batch.starts.data(), batch.starts.size() - 1);
  const Tensor first_rows = Tensor::of(ctx.pool, {ssize_of(firsts)}, firsts);
  return ops::tanh(ctx, (*pooler_)(ctx, ops::gather_rows(ctx, x, first_rows)));
}

/// One score per token for the start of the answer, one for its end.
Outputs EncoderHead::question(Context& ctx, const Tensor& x) const {
  const Tensor ends_2T = ops::transpose(ctx, (*classifier_)(ctx, x));
  const auto row = [&](i64 r) {
    const Tensor index = Tensor::of(ctx.pool, {1}, std::span<const i64>(&r, 1));
    return ops::gather_rows(ctx, ends_2T, index).reshape({x.size(0), 1});
  };
  return {{"start_logits", Per::token, row(0)}, {"end_logits", Per::token, row(1)}};
}

}  // namespace medlar::models
