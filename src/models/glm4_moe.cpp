// GLM-4.5: Zeng et al. 2025 (arXiv 2508.06471). Leading dense layers, then a mixture of experts
// with sigmoid routing (as DeepSeek-V3, arXiv 2412.19437) and an expert that all tokens share; only
// part of each head turns. T tokens, D hidden, H query heads, K key/value heads, d head size, E
// experts.
#include "models/config.h"
#include "models/heads.h"
#include "models/sigmoid_experts.h"
#include "nn/pre_norm_block.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, V, layers, dense_layers, context;
  float epsilon;
  bool tied, head_norms;
  nn::Bias attention_bias;
  nn::RopeConfig rope;
  SigmoidExpertsConfig experts;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", 8)),
        d(c.size_or("head_dim", 128)),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        dense_layers(c.count_or("first_k_dense_replace", 1)),
        context(c.size_or("max_position_embeddings", 131072)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
        tied(c.flag_or("tie_word_embeddings", false)),
        head_norms(c.flag_or("use_qk_norm", false)),
        attention_bias(c.flag_or("attention_bias", false) ? nn::Bias::present : nn::Bias::none),
        rope(rope_config(c, d, 0.5)),
        experts(c) {}
};

/// h += attention(norm(h)); h += mlp(norm(h)), the mlp dense or a mixture.
struct Block {
  nn::RmsNorm attention_norm;
  nn::SelfAttention attention;
  nn::RmsNorm mlp_norm;
  std::optional<nn::SwiGlu> dense;
  std::optional<SigmoidExperts> experts;

  Block(const nn::Weights& w, const Config& c, i64 layer)
      : attention_norm(nn::rms_norm(w, "input_layernorm", c.D, c.epsilon)),
        attention(
            nn::PreNormBlock::make_attention(w.at("self_attn"), {.D = c.D,
                                                                 .H = c.H,
                                                                 .K = c.K,
                                                                 .d = c.d,
                                                                 .F = c.F,
                                                                 .epsilon = c.epsilon,
                                                                 .head_norms = c.head_norms,
                                                                 .qkv_bias = c.attention_bias})),
        mlp_norm(nn::rms_norm(w, "post_attention_layernorm", c.D, c.epsilon)) {
    if (layer < c.dense_layers) {
      dense.emplace(w.at("mlp"), c.D, c.F);
    } else {
      experts.emplace(w.at("mlp"), c.D, c.experts);
    }
  }

  Tensor operator()(Context& ctx, const Tensor& h_TD, const nn::RopeAngles& angles,
                    const Batch& batch, const backend::KvPages* cache) const {
    const Tensor a_TD =
        ops::add(ctx, h_TD, attention(ctx, attention_norm(ctx, h_TD), &angles, batch, cache));
    const Tensor x_TD = mlp_norm(ctx, a_TD);
    return ops::add(ctx, a_TD, dense ? (*dense)(ctx, x_TD) : (*experts)(ctx, x_TD));
  }
};

class Glm4Moe final : public Model {
 public:
  Glm4Moe(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D,
                                          c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(c_.rope),
        norm_(nn::rms_norm(w.at("model"), "norm", c_.D, c_.epsilon)),
        head_(config, w, embed_tokens_, c_.tied),
        ranks_(w.ranks()) {
    check_heads(w, c_.H, c_.K);
    for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(w.at("model").at("layers", i), c_, i);
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache& cache) const override {
    Tensor h_TD = ops::embed(ctx, batch.ids, embed_tokens_);
    const nn::RopeAngles angles = rope_.angles(ctx, batch.positions);
    for (i64 i = 0; i < c_.layers; ++i) {
      ctx.observe(i, h_TD);
      h_TD = blocks_[static_cast<std::size_t>(i)](ctx, h_TD, angles, batch, cache.layer(i));
    }
    h_TD = norm_(ctx, h_TD);
    ctx.observe(c_.layers, h_TD);
    return head_(ctx, h_TD, batch);
  }

  ModelFacts facts() const override {
    return {.direction = Direction::causal,
            .generates = head_.generates(),
            .layers = c_.layers,
            .hidden = c_.D,
            .vocabulary = c_.V,
            .context = c_.context,
            .kv = {.layers = c_.layers,
                   .heads = heads_of_rank(c_.K, ranks_),
                   .key_size = c_.d,
                   .value_size = c_.d}};
  }

 private:
  Config c_;
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  DecoderHead head_;
  i64 ranks_;
  std::vector<Block> blocks_;
};

using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::gguf, "model.embed_tokens.*", "token_embd.*"},
    {Container::gguf, "model.norm.*", "output_norm.*"},
    {Container::gguf, "lm_head.*", "output.*"},
    {Container::gguf, "model.layers.*.input_layernorm.*", "blk.*.attn_norm.*"},
    {Container::gguf, "model.layers.*.self_attn.o_proj.*", "blk.*.attn_output.*"},
    {Container::gguf, "model.layers.*.self_attn.*_proj.*", "blk.*.attn_*.*"},
    {Container::gguf, "model.layers.*.self_attn.*_norm.*", "blk.*.attn_*_norm.*"},
    {Container::gguf, "model.layers.*.post_attention_layernorm.*", "blk.*.post_attention_norm.*"},
    {Container::gguf, "model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight"},
    {Container::gguf, "model.layers.*.mlp.gate.e_score_correction_bias", "blk.*.exp_probs_b.bias"},
    {Container::gguf, "model.layers.*.mlp.experts.*_proj.*", "blk.*.ffn_*_exps.*"},
    {Container::gguf, "model.layers.*.mlp.shared_experts.*_proj.*", "blk.*.ffn_*_shexp.*"},
    {Container::gguf, "model.layers.*.mlp.*_proj.*", "blk.*.ffn_*.*"},
};

constexpr std::string_view model_types[] = {"glm4_moe", "glm4moe"};

}  // namespace

const Family& glm4_moe_family() {
  static const Family family = {
      .name = "glm4_moe",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Glm4Moe>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
