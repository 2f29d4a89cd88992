// Llama 1, 2 and 3: Touvron et al. 2023 (arXiv 2302.13971, 2307.09288), Grattafiori et al. 2024
// (arXiv 2407.21783). T tokens, D hidden, H query heads, K key/value heads, d head size, F
// feed-forward, V vocabulary.
#include "models/config.h"
#include "models/heads.h"
#include "models/llama_names.h"
#include "nn/pre_norm_block.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, V, layers, context;
  float epsilon;
  bool tied;
  nn::Bias attention_bias, mlp_bias;
  nn::RopeConfig rope;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", H)),
        d(c.size_or("head_dim", D / H)),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 2048)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-6))),
        tied(c.flag_or("tie_word_embeddings", false)),
        attention_bias(c.flag_or("attention_bias", false) ? nn::Bias::present : nn::Bias::none),
        mlp_bias(c.flag_or("mlp_bias", false) ? nn::Bias::present : nn::Bias::none),
        rope(rope_config(c, d)) {}
};

class Llama final : public Model {
 public:
  Llama(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D,
                                          c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(c_.rope, w.find_vector("rope_freqs.weight")),
        norm_(nn::rms_norm(w.at("model"), "norm", c_.D, c_.epsilon)),
        head_(config, w, embed_tokens_, c_.tied),
        ranks_(w.ranks()) {
    check_heads(w, c_.H, c_.K);
    for (i64 i = 0; i < c_.layers; ++i) {
      blocks_.emplace_back(w.at("model").at("layers", i),
                           nn::PreNormSizes{.D = c_.D,
                                            .H = c_.H,
                                            .K = c_.K,
                                            .d = c_.d,
                                            .F = c_.F,
                                            .epsilon = c_.epsilon,
                                            .qkv_bias = c_.attention_bias,
                                            .o_bias = c_.attention_bias,
                                            .mlp_bias = c_.mlp_bias});
    }
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache& cache) const override {
    Tensor h_TD = ops::embed(ctx, batch.ids, embed_tokens_);
    const nn::RopeAngles angles = rope_.angles(ctx, batch.positions);
    h_TD = run_blocks(ctx, h_TD, blocks_, angles, batch, cache);
    h_TD = norm_(ctx, h_TD);
    ctx.observe(c_.layers, h_TD);
    return head_(ctx, h_TD, batch);
  }

  ModelFacts facts() const override { return decoder_facts(c_, head_, ranks_); }

 private:
  Config c_;
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  DecoderHead head_;
  i64 ranks_;
  std::vector<nn::PreNormBlock> blocks_;
};

constexpr std::string_view model_types[] = {"llama"};

}  // namespace

const Family& llama_family() {
  static const Family family = {
      .name = "llama",
      .model_types = model_types,
      .rules = llama_names,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Llama>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
