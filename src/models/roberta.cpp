// RoBERTa: Liu et al. 2019 (arXiv 1907.11692); XLM-R: Conneau et al. 2020 (arXiv 1911.02116).
// BERT with positions that leave padding out and begin behind it.
// T tokens, D hidden, H heads, F feed-forward, V vocabulary.
#include "base/error.h"
#include "models/bert_heads.h"
#include "models/bert_layers.h"

namespace medlar::models {
namespace {

class Roberta final : public Model {
 public:
  Roberta(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        padding_(padding_id(ConfigReader(config), c_.V, 1)),
        embeddings_(w.at("roberta").at("embeddings"), c_),
        encoder_(w.at("roberta").at("encoder"), c_),
        head_(config, w, roberta_heads(), embeddings_.words,
              {.hidden = c_.D, .epsilon = c_.epsilon}) {
    if (c_.context <= padding_ + 1)
      fail(ErrorCode::corrupt_file, "config: {} positions leave none behind padding id {}",
           c_.context, padding_);
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    const Tensor positions_T = positions_after_padding(ctx, batch, padding_);
    const Tensor x_TD = embeddings_(ctx, batch, positions_T);
    return head_(ctx, encoder_(ctx, x_TD, batch), batch);
  }

  ModelFacts facts() const override { return encoder_facts(c_, c_.context - padding_ - 1); }

 private:
  BertConfig c_;
  i64 padding_;
  BertEmbeddings embeddings_;
  BertEncoder encoder_;
  EncoderHead head_;
};

// Bare models drop the "roberta." prefix, uploads before 2020 say gamma and beta.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*LayerNorm.weight", "*LayerNorm.gamma"},
    {Container::huggingface, "*LayerNorm.bias", "*LayerNorm.beta"},
    {Container::huggingface, "roberta.*", "*"},
};

constexpr std::string_view model_types[] = {"roberta", "xlm-roberta", "camembert"};

}  // namespace

const Family& roberta_family() {
  static const Family family = {
      .name = "roberta",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Roberta>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
