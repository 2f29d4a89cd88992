// ELECTRA: Clark et al. 2020 (arXiv 2003.10555). BERT whose embeddings may be narrower than its
// layers; generator and discriminator differ in the head only.
// T tokens, D hidden, E embedding width, H heads, F feed-forward, V vocabulary.
#include "models/bert_layers.h"
#include "models/encoder_head.h"

namespace medlar::models {
namespace {

constexpr HeadOutput heads[] = {
    {.architecture = "ForTokenClassification", .final = Final::labels, .matrix = "classifier"},
    {.architecture = "ForSequenceClassification",
     .pooling = Pooling::first,
     .dense = "classifier.dense",
     .activation = ops::gelu,
     .final = Final::labels,
     .matrix = "classifier.out_proj"},
    {.architecture = "ForQuestionAnswering", .final = Final::ends, .matrix = "qa_outputs"},
    {.architecture = "ForPreTraining",
     .dense = "discriminator_predictions.dense",
     .activation_key = "hidden_act",
     .final = Final::labels,
     .matrix = "discriminator_predictions.dense_prediction"},
    {.architecture = "ForMaskedLM",
     .dense = "generator_predictions.dense",
     .activation = ops::gelu,
     .norm = "generator_predictions.LayerNorm",
     .final = Final::vocabulary,
     .matrix = "generator_lm_head",
     .bias = "generator_lm_head.bias"},
    {.architecture = "Model", .name = "last_hidden_state"},
};

struct Config : BertConfig {
  i64 E;

  explicit Config(const ConfigReader& c) : BertConfig(c), E(c.size_or("embedding_size", 128)) {}
};

class Electra final : public Model {
 public:
  Electra(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embeddings_(w.at("electra").at("embeddings"), c_, c_.E),
        encoder_(w.at("electra").at("encoder"), c_),
        head_(config, w, heads, embeddings_.words, {.hidden = c_.D, .epsilon = c_.epsilon}) {
    if (c_.E != c_.D) {
      project_ = w.at("electra").linear("embeddings_project", c_.D, c_.E, nn::Split::none,
                                        nn::Bias::present);
    }
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    Tensor x_TD = embeddings_(ctx, batch, batch.positions);
    if (project_) x_TD = (*project_)(ctx, x_TD);
    return head_(ctx, encoder_(ctx, x_TD, batch), batch);
  }

  ModelFacts facts() const override { return encoder_facts(c_, c_.context); }

 private:
  Config c_;
  BertEmbeddings embeddings_;
  std::optional<nn::Linear> project_;
  BertEncoder encoder_;
  EncoderHead head_;
};

// Bare models drop the "electra." prefix.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "electra.*", "*"},
};

constexpr std::string_view model_types[] = {"electra"};

}  // namespace

const Family& electra_family() {
  static const Family family = {
      .name = "electra",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Electra>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
