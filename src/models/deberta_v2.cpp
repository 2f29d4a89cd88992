// DeBERTa-v2 and v3: He et al. 2021 (arXiv 2006.03654; arXiv 2111.09543).
// T tokens, D hidden, E embedding width, H heads, d head size, F feed-forward, V vocabulary.
#include "models/deberta_encoder.h"

#include "models/encoder_head.h"

namespace medlar::models {
namespace {

std::vector<HeadOutput> heads(const Json& config) {
  const HeadOutput masked = {.architecture = "ForMaskedLM",
                             .dense = "cls.predictions.transform.dense",
                             .activation_key = "hidden_act",
                             .norm = "cls.predictions.transform.LayerNorm",
                             .final = Final::vocabulary,
                             .matrix = "cls.predictions.decoder",
                             .bias = "cls.predictions.bias"};
  HeadOutput masked_v3 = masked;
  masked_v3.dense = "lm_predictions.lm_head.dense";
  masked_v3.norm = "lm_predictions.lm_head.LayerNorm";
  masked_v3.matrix = "lm_predictions.lm_head.decoder";
  masked_v3.bias = "lm_predictions.lm_head.bias";
  const bool legacy = ConfigReader(config).flag_or("legacy", true);
  return {
      {.architecture = "ForTokenClassification", .final = Final::labels, .matrix = "classifier"},
      {.architecture = "ForSequenceClassification",
       .pooling = Pooling::first,
       .dense = "pooler.dense",
       .activation_key = "pooler_hidden_act",
       .final = Final::labels,
       .matrix = "classifier"},
      {.architecture = "ForQuestionAnswering", .final = Final::ends, .matrix = "qa_outputs"},
      legacy ? masked : masked_v3,
      {.architecture = "Model", .name = "last_hidden_state"}};
}

class DebertaV2 final : public Model {
 public:
  DebertaV2(const Json& config, const nn::Weights& w)
      : encoder_(config, w.at("deberta")),
        head_(config, w, heads(config), encoder_.words(),
              {.hidden = encoder_.config().D, .epsilon = encoder_.config().epsilon}) {}

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    return head_(ctx, encoder_(ctx, batch), batch);
  }

  ModelFacts facts() const override {
    return encoder_facts(encoder_.config(), encoder_.config().tokens);
  }

 private:
  DebertaEncoder encoder_;
  EncoderHead head_;
};

// Bare models drop the "deberta." prefix.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "deberta.*", "*"},
};

constexpr std::string_view model_types[] = {"deberta-v2"};

}  // namespace

const Family& deberta_v2_family() {
  static const Family family = {
      .name = "deberta_v2",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<DebertaV2>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
