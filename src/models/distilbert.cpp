// DistilBERT: Sanh et al. 2019 (arXiv 1910.01108). BERT without token types and pooler, under other
// names. T tokens, D hidden, H heads, F feed-forward, V vocabulary.
#include "models/bert_layers.h"
#include "models/encoder_head.h"

namespace medlar::models {
namespace {

constexpr HeadOutput heads[] = {
    {.architecture = "ForTokenClassification", .final = Final::labels, .matrix = "classifier"},
    {.architecture = "ForSequenceClassification",
     .pooling = Pooling::first,
     .dense = "pre_classifier",
     .activation = ops::relu,
     .final = Final::labels,
     .matrix = "classifier"},
    {.architecture = "ForQuestionAnswering", .final = Final::ends, .matrix = "qa_outputs"},
    {.architecture = "ForMaskedLM",
     .dense = "vocab_transform",
     .activation_key = "activation",
     .norm = "vocab_layer_norm",
     .final = Final::vocabulary,
     .matrix = "vocab_projector",
     .bias = "vocab_projector.bias"},
    {.architecture = "Model", .name = "last_hidden_state"},
};

constexpr BertNames names = {.query = "attention.q_lin",
                             .key = "attention.k_lin",
                             .value = "attention.v_lin",
                             .attention_output = "attention.out_lin",
                             .attention_norm = "sa_layer_norm",
                             .intermediate = "ffn.lin1",
                             .output = "ffn.lin2",
                             .output_norm = "output_layer_norm"};

/// The published keys under BERT's names.
Json as_bert(const Json& config) {
  Json bert = Json::object();
  const auto copy = [&](const char* theirs, const char* ours) {
    if (config.contains(theirs)) bert[ours] = config[theirs];
  };
  copy("dim", "hidden_size");
  copy("n_heads", "num_attention_heads");
  copy("hidden_dim", "intermediate_size");
  copy("n_layers", "num_hidden_layers");
  copy("activation", "hidden_act");
  copy("vocab_size", "vocab_size");
  copy("max_position_embeddings", "max_position_embeddings");
  return bert;
}

/// Sinusoidal positions are stored like learned ones, so the flag changes nothing.
BertConfig read_config(const Json& config) {
  const Json bert = as_bert(config);
  BertConfig c{ConfigReader(bert)};
  c.types = 0;
  c.names = names;
  return c;
}

class DistilBert final : public Model {
 public:
  DistilBert(const Json& config, const nn::Weights& w)
      : c_(read_config(config)),
        embeddings_(w.at("distilbert").at("embeddings"), c_),
        encoder_(w.at("distilbert").at("transformer"), c_),
        head_(config, w, heads, embeddings_.words, {.hidden = c_.D, .epsilon = c_.epsilon}) {}

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    const Tensor x_TD = embeddings_(ctx, batch, batch.positions);
    return head_(ctx, encoder_(ctx, x_TD, batch), batch);
  }

  ModelFacts facts() const override { return encoder_facts(c_, c_.context); }

 private:
  BertConfig c_;
  BertEmbeddings embeddings_;
  BertEncoder encoder_;
  EncoderHead head_;
};

// Bare models drop the "distilbert." prefix.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "distilbert.*", "*"},
};

constexpr std::string_view model_types[] = {"distilbert"};

}  // namespace

const Family& distilbert_family() {
  static const Family family = {
      .name = "distilbert",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<DistilBert>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
