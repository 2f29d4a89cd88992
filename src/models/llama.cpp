// Llama 1, 2 and 3: Touvron et al. 2023 (arXiv 2302.13971, 2307.09288), Grattafiori et al. 2024
// (arXiv 2407.21783). T tokens, D hidden, H query heads, K key/value heads, d head size, F
// feed-forward, V vocabulary.
#include "models/config.h"
#include "models/heads.h"
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

// GGUF and llama2.c files keep the rows of q and k in pairs order, as Meta trained them.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::gguf, "model.embed_tokens.*", "token_embd.*"},
    {Container::gguf, "model.norm.*", "output_norm.*"},
    {Container::gguf, "lm_head.*", "output.*"},
    {Container::gguf, "model.layers.*.input_layernorm.*", "blk.*.attn_norm.*"},
    {Container::gguf, "model.layers.*.self_attn.q_proj.*", "blk.*.attn_q.*",
     nn::Stored::rope_pairs},
    {Container::gguf, "model.layers.*.self_attn.k_proj.*", "blk.*.attn_k.*",
     nn::Stored::rope_pairs},
    {Container::gguf, "model.layers.*.self_attn.v_proj.*", "blk.*.attn_v.*"},
    {Container::gguf, "model.layers.*.self_attn.o_proj.*", "blk.*.attn_output.*"},
    {Container::gguf, "model.layers.*.post_attention_layernorm.*", "blk.*.ffn_norm.*"},
    {Container::gguf, "model.layers.*.mlp.*_proj.*", "blk.*.ffn_*.*"},
    {Container::llama2c, "model.embed_tokens.*", "token_embedding_table.*"},
    {Container::llama2c, "model.norm.*", "norm.*"},
    {Container::llama2c, "lm_head.*", "output.*"},
    {Container::llama2c, "model.layers.*.input_layernorm.*", "layers.*.attention_norm.*"},
    {Container::llama2c, "model.layers.*.self_attn.q_proj.*", "layers.*.wq.*",
     nn::Stored::rope_pairs},
    {Container::llama2c, "model.layers.*.self_attn.k_proj.*", "layers.*.wk.*",
     nn::Stored::rope_pairs},
    {Container::llama2c, "model.layers.*.self_attn.*_proj.*", "layers.*.w*.*"},
    {Container::llama2c, "model.layers.*.post_attention_layernorm.*", "layers.*.ffn_norm.*"},
    {Container::llama2c, "model.layers.*.mlp.gate_proj.*", "layers.*.w1.*"},
    {Container::llama2c, "model.layers.*.mlp.down_proj.*", "layers.*.w2.*"},
    {Container::llama2c, "model.layers.*.mlp.up_proj.*", "layers.*.w3.*"},
};

constexpr std::string_view model_types[] = {"llama"};

}  // namespace

const Family& llama_family() {
  static const Family family = {
      .name = "llama",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Llama>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
