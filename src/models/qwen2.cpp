// Qwen2 and Qwen2.5: Yang et al. 2024 (arXiv 2407.10671). q, k and v have biases.
// T tokens, D hidden, H query heads, K key/value heads, d head size, F feed-forward, V vocabulary.
#include "models/config.h"
#include "models/heads.h"
#include "nn/pre_norm_block.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, V, layers, context;
  float epsilon;
  bool tied;
  std::vector<i64> windows;
  nn::RopeConfig rope;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", 32)),
        d(c.size_or("head_dim", D / H)),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 32768)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-6))),
        tied(c.flag_or("tie_word_embeddings", false)),
        windows(layer_windows(c, layers)),
        rope(rope_config(c, d)) {}
};

class Qwen2 final : public Model {
 public:
  Qwen2(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D,
                                          c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(c_.rope),
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
                                            .window = c_.windows[static_cast<std::size_t>(i)],
                                            .qkv_bias = nn::Bias::present});
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

using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::gguf, "model.embed_tokens.*", "token_embd.*"},
    {Container::gguf, "model.norm.*", "output_norm.*"},
    {Container::gguf, "lm_head.*", "output.*"},
    {Container::gguf, "model.layers.*.input_layernorm.*", "blk.*.attn_norm.*"},
    {Container::gguf, "model.layers.*.self_attn.q_proj.*", "blk.*.attn_q.*"},
    {Container::gguf, "model.layers.*.self_attn.k_proj.*", "blk.*.attn_k.*"},
    {Container::gguf, "model.layers.*.self_attn.v_proj.*", "blk.*.attn_v.*"},
    {Container::gguf, "model.layers.*.self_attn.o_proj.*", "blk.*.attn_output.*"},
    {Container::gguf, "model.layers.*.post_attention_layernorm.*", "blk.*.ffn_norm.*"},
    {Container::gguf, "model.layers.*.mlp.*_proj.*", "blk.*.ffn_*.*"},
};

constexpr std::string_view model_types[] = {"qwen2"};

}  // namespace

const Family& qwen2_family() {
  static const Family family = {
      .name = "qwen2",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Qwen2>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
