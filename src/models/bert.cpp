// BERT: Devlin et al. 2019 (arXiv 1810.04805), with the heads of its published checkpoints.
// T tokens, S sequences, D hidden, H heads, F feed-forward, V vocabulary, L labels.
#include <cmath>

#include "base/error.h"
#include "models/config.h"
#include "models/heads.h"
#include "nn/self_attention.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, F, V, layers, context, types;
  float epsilon;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 512)),
        types(c.size_or("type_vocab_size", 2)),
        epsilon(static_cast<float>(c.number_or("layer_norm_eps", 1e-12))) {
    const std::string activation = c.text_or("hidden_act", "gelu");
    if (activation != "gelu") fail(ErrorCode::unsupported, "bert with activation '{}'", activation);
    const std::string positions = c.text_or("position_embedding_type", "absolute");
    if (positions != "absolute")
      fail(ErrorCode::unsupported, "bert with '{}' positions", positions);
  }
};

/// x = norm(x + attention(x)); x = norm(x + output(gelu(intermediate(x)))).
struct Block {
  nn::SelfAttention attention;
  nn::LayerNorm attention_norm;
  nn::Linear intermediate, output;
  nn::LayerNorm output_norm;

  Block(const nn::Weights& w, const Config& c)
      : attention(make_attention(w.at("attention"), c)),
        attention_norm(nn::layer_norm(w.at("attention").at("output"), "LayerNorm", c.D, c.epsilon)),
        intermediate(
            w.at("intermediate").linear("dense", c.F, c.D, nn::Split::out, nn::Bias::present)),
        output(w.at("output").linear("dense", c.D, c.F, nn::Split::in, nn::Bias::present)),
        output_norm(nn::layer_norm(w.at("output"), "LayerNorm", c.D, c.epsilon)) {}

  static nn::SelfAttention make_attention(const nn::Weights& w, const Config& c) {
    const nn::Weights self = w.at("self");
    return {.q_proj = self.linear("query", c.D, c.D, nn::Split::out, nn::Bias::present),
            .k_proj = self.linear("key", c.D, c.D, nn::Split::out, nn::Bias::present),
            .v_proj = self.linear("value", c.D, c.D, nn::Split::out, nn::Bias::present),
            .o_proj = w.at("output").linear("dense", c.D, c.D, nn::Split::in, nn::Bias::present),
            .q_norm = std::nullopt,
            .k_norm = std::nullopt,
            .head_size = c.D / c.H,
            .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(c.D / c.H)),
                     .mask = ops::Mask::bidirectional}};
  }

  Tensor operator()(Context& ctx, const Tensor& x_TD, const Batch& batch) const {
    const Tensor a_TD =
        attention_norm(ctx, ops::add(ctx, x_TD, attention(ctx, x_TD, nullptr, batch, nullptr)));
    const Tensor f_TD = output(ctx, ops::gelu(ctx, intermediate(ctx, a_TD)));
    return output_norm(ctx, ops::add(ctx, a_TD, f_TD));
  }
};

/// Decoder of the masked-LM head: dense, gelu, norm, the word embeddings, a bias.
struct MaskedLm {
  nn::Linear dense;
  nn::LayerNorm norm;
  nn::Linear decoder;

  MaskedLm(const nn::Weights& w, const Config& c, const ops::Weight& words)
      : dense(w.at("transform").linear("dense", c.D, c.D, nn::Split::none, nn::Bias::present)),
        norm(nn::layer_norm(w.at("transform"), "LayerNorm", c.D, c.epsilon)),
        decoder{.weight = words,
                .bias = w.vector("bias", c.V),
                .split = nn::Split::none,
                .out = c.V,
                .in = c.D} {}

  Tensor operator()(Context& ctx, const Tensor& x) const {
    return decoder(ctx, norm(ctx, ops::gelu(ctx, dense(ctx, x))));
  }
};

enum class Task { hidden, token, sequence, question, masked_lm, pretraining };

Task task_of(const Json& config, const nn::Weights& w) {
  const std::string name = architecture(config);
  if (name.ends_with("ForTokenClassification")) return Task::token;
  if (name.ends_with("ForSequenceClassification")) return Task::sequence;
  if (name.ends_with("ForQuestionAnswering")) return Task::question;
  if (name.ends_with("ForMaskedLM")) return Task::masked_lm;
  if (name.ends_with("ForPreTraining")) return Task::pretraining;
  if (!name.empty()) return Task::hidden;
  // TensorFlow checkpoints name no architecture; their tensors tell.
  if (w.has("classifier.weight")) return Task::token;
  return w.has("cls.predictions.bias") ? Task::pretraining : Task::hidden;
}

class Bert final : public Model {
 public:
  Bert(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        task_(task_of(config, w)),
        words_(w.at("bert").at("embeddings").table("word_embeddings", c_.V, c_.D)),
        positions_(w.at("bert").at("embeddings").table("position_embeddings", c_.context, c_.D)),
        types_(w.at("bert").at("embeddings").table("token_type_embeddings", c_.types, c_.D)),
        norm_(nn::layer_norm(w.at("bert").at("embeddings"), "LayerNorm", c_.D, c_.epsilon)) {
    if (c_.D % c_.H != 0)
      fail(ErrorCode::corrupt_file, "config: hidden_size {} over {} heads", c_.D, c_.H);
    check_ranks(w, "heads", c_.H);
    for (i64 i = 0; i < c_.layers; ++i)
      blocks_.emplace_back(w.at("bert").at("encoder").at("layer", i), c_);
    const bool needs_pooler = task_ == Task::sequence || task_ == Task::pretraining;
    if (needs_pooler || (task_ == Task::hidden && w.has("bert.pooler.dense.weight"))) {
      pooler_ =
          w.at("bert").at("pooler").linear("dense", c_.D, c_.D, nn::Split::none, nn::Bias::present);
    }
    if (task_ == Task::token || task_ == Task::sequence) {
      const i64 labels =
          w.rows_of("classifier.weight", std::max(i64{1}, ssize_of(label_names(config))));
      classifier_ = w.linear("classifier", labels, c_.D, nn::Split::none, nn::Bias::present);
    } else if (task_ == Task::question) {
      classifier_ = w.linear("qa_outputs", 2, c_.D, nn::Split::none, nn::Bias::present);
    } else if (task_ == Task::pretraining) {
      classifier_ =
          w.at("cls").linear("seq_relationship", 2, c_.D, nn::Split::none, nn::Bias::present);
    }
    if (task_ == Task::masked_lm || task_ == Task::pretraining) {
      masked_lm_.emplace(w.at("cls").at("predictions"), c_, words_);
    }
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    const Tensor types = batch.token_types ? *batch.token_types
                                           : Tensor::zeros(ctx.pool, batch.ids.shape(), DType::i64);
    Tensor x_TD = ops::add(ctx, ops::embed(ctx, batch.ids, words_), ops::embed(ctx, types, types_));
    x_TD = norm_(ctx, ops::add(ctx, x_TD, ops::embed(ctx, batch.positions, positions_)));
    for (i64 i = 0; i < c_.layers; ++i) {
      ctx.observe(i, x_TD);
      x_TD = blocks_[static_cast<std::size_t>(i)](ctx, x_TD, batch);
    }
    ctx.observe(c_.layers, x_TD);
    return heads(ctx, x_TD, batch);
  }

  ModelFacts facts() const override {
    return {.direction = Direction::bidirectional,
            .generates = false,
            .layers = c_.layers,
            .hidden = c_.D,
            .vocabulary = c_.V,
            .context = c_.context,
            .kv = {}};
  }

 private:
  Outputs heads(Context& ctx, const Tensor& x_TD, const Batch& batch) const {
    switch (task_) {
      case Task::token:
        return {{"logits", Per::token, (*classifier_)(ctx, rows_for_logits(ctx, x_TD, batch))}};
      case Task::masked_lm:
        return {{"logits", Per::token, (*masked_lm_)(ctx, rows_for_logits(ctx, x_TD, batch))}};
      case Task::sequence:
        return {{"logits", Per::sequence, (*classifier_)(ctx, pooled(ctx, x_TD, batch))}};
      case Task::question: {
        const Tensor ends_2T = ops::transpose(ctx, (*classifier_)(ctx, x_TD));
        const auto row = [&](i64 r) {
          return ops::gather_rows(ctx, ends_2T,
                                  Tensor::of(ctx.pool, {1}, std::span<const i64>(&r, 1)))
              .reshape({x_TD.size(0), 1});
        };
        return {{"start_logits", Per::token, row(0)}, {"end_logits", Per::token, row(1)}};
      }
      case Task::pretraining: {
        const Tensor pooled_SD = pooled(ctx, x_TD, batch);
        return {{"prediction_logits", Per::token,
                 (*masked_lm_)(ctx, rows_for_logits(ctx, x_TD, batch))},
                {"seq_relationship_logits", Per::sequence, (*classifier_)(ctx, pooled_SD)},
                {"pooler_output", Per::sequence, pooled_SD}};
      }
      case Task::hidden:
        break;
    }
    Outputs outputs = {{"last_hidden_state", Per::token, x_TD}};
    if (pooler_) outputs.push_back({"pooler_output", Per::sequence, pooled(ctx, x_TD, batch)});
    return outputs;
  }

  /// tanh of a dense layer on each sequence's first token -> [S, D].
  Tensor pooled(Context& ctx, const Tensor& x_TD, const Batch& batch) const {
    const std::span<const i64> firsts(batch.starts.data(), batch.starts.size() - 1);
    const Tensor first_rows = Tensor::of(ctx.pool, {ssize_of(firsts)}, firsts);
    return ops::tanh(ctx, (*pooler_)(ctx, ops::gather_rows(ctx, x_TD, first_rows)));
  }

  Config c_;
  Task task_;
  ops::Weight words_, positions_, types_;
  nn::LayerNorm norm_;
  std::vector<Block> blocks_;
  std::optional<nn::Linear> pooler_, classifier_;
  std::optional<MaskedLm> masked_lm_;
};

// Bare models drop the "bert." prefix, uploads before 2020 say gamma and beta, TensorFlow kernels
// are [in, out] except the NER head, which was never a kernel.
using formats::Container;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*LayerNorm.weight", "*LayerNorm.gamma"},
    {Container::huggingface, "*LayerNorm.bias", "*LayerNorm.beta"},
    {Container::huggingface, "bert.*", "*"},
    {Container::tensorflow, "bert.embeddings.*_embeddings.weight", "bert/embeddings/*_embeddings"},
    {Container::tensorflow, "bert.embeddings.LayerNorm.weight", "bert/embeddings/LayerNorm/gamma"},
    {Container::tensorflow, "bert.embeddings.LayerNorm.bias", "bert/embeddings/LayerNorm/beta"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.self.*.weight",
     "bert/encoder/layer_*/attention/self/*/kernel", Stored::transposed},
    {Container::tensorflow, "bert.encoder.layer.*.attention.self.*.bias",
     "bert/encoder/layer_*/attention/self/*/bias"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.dense.weight",
     "bert/encoder/layer_*/attention/output/dense/kernel", Stored::transposed},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.dense.bias",
     "bert/encoder/layer_*/attention/output/dense/bias"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.LayerNorm.weight",
     "bert/encoder/layer_*/attention/output/LayerNorm/gamma"},
    {Container::tensorflow, "bert.encoder.layer.*.attention.output.LayerNorm.bias",
     "bert/encoder/layer_*/attention/output/LayerNorm/beta"},
    {Container::tensorflow, "bert.encoder.layer.*.*.dense.weight",
     "bert/encoder/layer_*/*/dense/kernel", Stored::transposed},
    {Container::tensorflow, "bert.encoder.layer.*.*.dense.bias",
     "bert/encoder/layer_*/*/dense/bias"},
    {Container::tensorflow, "bert.encoder.layer.*.output.LayerNorm.weight",
     "bert/encoder/layer_*/output/LayerNorm/gamma"},
    {Container::tensorflow, "bert.encoder.layer.*.output.LayerNorm.bias",
     "bert/encoder/layer_*/output/LayerNorm/beta"},
    {Container::tensorflow, "bert.pooler.dense.weight", "bert/pooler/dense/kernel",
     Stored::transposed},
    {Container::tensorflow, "bert.pooler.dense.bias", "bert/pooler/dense/bias"},
    {Container::tensorflow, "cls.predictions.transform.dense.weight",
     "cls/predictions/transform/dense/kernel", Stored::transposed},
    {Container::tensorflow, "cls.predictions.transform.dense.bias",
     "cls/predictions/transform/dense/bias"},
    {Container::tensorflow, "cls.predictions.transform.LayerNorm.weight",
     "cls/predictions/transform/LayerNorm/gamma"},
    {Container::tensorflow, "cls.predictions.transform.LayerNorm.bias",
     "cls/predictions/transform/LayerNorm/beta"},
    {Container::tensorflow, "cls.predictions.bias", "cls/predictions/output_bias"},
    {Container::tensorflow, "cls.seq_relationship.weight", "cls/seq_relationship/output_weights"},
    {Container::tensorflow, "cls.seq_relationship.bias", "cls/seq_relationship/output_bias"},
    {Container::tensorflow, "classifier.weight", "output_weights"},
    {Container::tensorflow, "classifier.bias", "output_bias"},
    {Container::gguf, "bert.embeddings.word_embeddings.*", "token_embd.*"},
    {Container::gguf, "bert.embeddings.position_embeddings.*", "position_embd.*"},
    {Container::gguf, "bert.embeddings.token_type_embeddings.*", "token_types.*"},
    {Container::gguf, "bert.embeddings.LayerNorm.*", "token_embd_norm.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.self.query.*", "blk.*.attn_q.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.self.key.*", "blk.*.attn_k.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.self.value.*", "blk.*.attn_v.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.output.dense.*", "blk.*.attn_output.*"},
    {Container::gguf, "bert.encoder.layer.*.attention.output.LayerNorm.*",
     "blk.*.attn_output_norm.*"},
    {Container::gguf, "bert.encoder.layer.*.intermediate.dense.*", "blk.*.ffn_up.*"},
    {Container::gguf, "bert.encoder.layer.*.output.dense.*", "blk.*.ffn_down.*"},
    {Container::gguf, "bert.encoder.layer.*.output.LayerNorm.*", "blk.*.layer_output_norm.*"},
};

constexpr std::string_view model_types[] = {"bert"};

}  // namespace

const Family& bert_family() {
  static const Family family = {
      .name = "bert",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Bert>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
