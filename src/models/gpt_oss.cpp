// gpt-oss: OpenAI 2025 (arXiv 2508.10925). A mixture of experts in every layer, attention with a
// learned sink per head, every other layer seeing a window. T tokens, D hidden, H query heads, K
// key/value heads, d head size, F feed-forward of an expert, E experts, V vocabulary.
#include "models/config.h"
#include "models/heads.h"
#include "models/sink_block.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, K, d, F, E, V, layers, context;
  float epsilon;
  bool tied;
  std::vector<i64> windows;
  nn::RopeConfig rope;
  i64 chosen;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        K(c.size_or("num_key_value_heads", 8)),
        d(c.size_or("head_dim", 64)),
        F(c.size("intermediate_size")),
        E(c.size_or("num_local_experts", 128)),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 131072)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-5))),
        tied(c.flag_or("tie_word_embeddings", false)),
        windows(alternating_windows(c, layers, 128)),
        rope(rope_config(c, d)),
        chosen(c.size_or("num_experts_per_tok", c.size_or("experts_per_token", 4))) {}
};

class GptOss final : public Model {
 public:
  GptOss(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D,
                                          c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(c_.rope),
        norm_(nn::rms_norm(w.at("model"), "norm", c_.D, c_.epsilon)),
        head_(config, w, embed_tokens_, c_.tied),
        ranks_(w.ranks()) {
    check_heads(w, c_.H, c_.K);
    for (i64 i = 0; i < c_.layers; ++i)
      blocks_.emplace_back(w.at("model").at("layers", i),
                           SinkBlockSizes{.D = c_.D,
                                          .H = c_.H,
                                          .K = c_.K,
                                          .d = c_.d,
                                          .F = c_.F,
                                          .E = c_.E,
                                          .epsilon = c_.epsilon,
                                          .mask = ops::Mask::causal,
                                          .window = c_.windows[static_cast<std::size_t>(i)],
                                          .chosen = c_.chosen});
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
  std::vector<SinkBlock> blocks_;
};

// Gate and up come interleaved: in blocks as [E, 2F, D], unquantised as [E, D, 2F]. The original
// release has names of its own. GGUF has gate and up apart.
using formats::Container;
using nn::Rows;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*.mlp.experts.gate_proj.weight", "*.mlp.experts.gate_up_proj.weight",
     Stored::as_is, Rows::even},
    {Container::huggingface, "*.mlp.experts.up_proj.weight", "*.mlp.experts.gate_up_proj.weight",
     Stored::as_is, Rows::odd},
    {Container::huggingface, "*.mlp.experts.gate_proj.weight", "*.mlp.experts.gate_up_proj",
     Stored::transposed, Rows::even},
    {Container::huggingface, "*.mlp.experts.up_proj.weight", "*.mlp.experts.gate_up_proj",
     Stored::transposed, Rows::odd},
    {Container::huggingface, "*.mlp.experts.down_proj.weight", "*.mlp.experts.down_proj",
     Stored::transposed},
    {Container::huggingface, "*.mlp.experts.gate_proj.bias", "*.mlp.experts.gate_up_proj_bias",
     Stored::as_is, Rows::even},
    {Container::huggingface, "*.mlp.experts.up_proj.bias", "*.mlp.experts.gate_up_proj_bias",
     Stored::as_is, Rows::odd},
    {Container::huggingface, "*.mlp.experts.down_proj.bias", "*.mlp.experts.down_proj_bias"},
    {Container::huggingface, "model.embed_tokens.weight", "embedding.weight"},
    {Container::huggingface, "model.norm.weight", "norm.scale"},
    {Container::huggingface, "lm_head.weight", "unembedding.weight"},
    {Container::huggingface, "model.layers.*.input_layernorm.weight", "block.*.attn.norm.scale"},
    {Container::huggingface, "model.layers.*.self_attn.q_proj.*", "block.*.attn.qkv.*",
     Stored::as_is, Rows::first},
    {Container::huggingface, "model.layers.*.self_attn.k_proj.*", "block.*.attn.qkv.*",
     Stored::as_is, Rows::next_to_last},
    {Container::huggingface, "model.layers.*.self_attn.v_proj.*", "block.*.attn.qkv.*",
     Stored::as_is, Rows::last},
    {Container::huggingface, "model.layers.*.self_attn.o_proj.*", "block.*.attn.out.*"},
    {Container::huggingface, "model.layers.*.self_attn.sinks", "block.*.attn.sinks"},
    {Container::huggingface, "model.layers.*.post_attention_layernorm.weight",
     "block.*.mlp.norm.scale"},
    {Container::huggingface, "model.layers.*.mlp.router.*", "block.*.mlp.gate.*"},
    {Container::huggingface, "model.layers.*.mlp.experts.gate_proj.weight",
     "block.*.mlp.mlp1_weight.weight", Stored::as_is, Rows::even},
    {Container::huggingface, "model.layers.*.mlp.experts.up_proj.weight",
     "block.*.mlp.mlp1_weight.weight", Stored::as_is, Rows::odd},
    {Container::huggingface, "model.layers.*.mlp.experts.down_proj.weight",
     "block.*.mlp.mlp2_weight.weight"},
    {Container::huggingface, "model.layers.*.mlp.experts.gate_proj.bias", "block.*.mlp.mlp1_bias",
     Stored::as_is, Rows::even},
    {Container::huggingface, "model.layers.*.mlp.experts.up_proj.bias", "block.*.mlp.mlp1_bias",
     Stored::as_is, Rows::odd},
    {Container::huggingface, "model.layers.*.mlp.experts.down_proj.bias", "block.*.mlp.mlp2_bias"},
    {Container::gguf, "model.embed_tokens.*", "token_embd.*"},
    {Container::gguf, "model.norm.*", "output_norm.*"},
    {Container::gguf, "lm_head.*", "output.*"},
    {Container::gguf, "model.layers.*.input_layernorm.*", "blk.*.attn_norm.*"},
    {Container::gguf, "model.layers.*.self_attn.o_proj.*", "blk.*.attn_output.*"},
    {Container::gguf, "model.layers.*.self_attn.*_proj.*", "blk.*.attn_*.*"},
    {Container::gguf, "model.layers.*.self_attn.sinks", "blk.*.attn_sinks.weight"},
    {Container::gguf, "model.layers.*.post_attention_layernorm.*", "blk.*.post_attention_norm.*"},
    {Container::gguf, "model.layers.*.mlp.router.*", "blk.*.ffn_gate_inp.*"},
    {Container::gguf, "model.layers.*.mlp.experts.*_proj.*", "blk.*.ffn_*_exps.*"},
};

/// The configuration of the original release under the names of the published one.
Json from_original(const Json& config) {
  if (!config.contains("initial_context_length")) return nullptr;
  constexpr std::pair<const char*, const char*> keys[] = {
      {"num_experts", "num_local_experts"},
      {"experts_per_token", "num_experts_per_tok"},
  };
  Json result = config;
  result["model_type"] = "gpt_oss";
  result["architectures"] = {"GptOssForCausalLM"};
  for (const auto& [theirs, ours] : keys) {
    if (config.contains(theirs)) result[ours] = config[theirs];
  }
  Json rope = {{"rope_type", "yarn"}, {"truncate", false}};
  constexpr std::pair<const char*, const char*> rope_keys[] = {
      {"rope_scaling_factor", "factor"},
      {"rope_ntk_alpha", "beta_slow"},
      {"rope_ntk_beta", "beta_fast"},
      {"initial_context_length", "original_max_position_embeddings"},
  };
  for (const auto& [theirs, ours] : rope_keys) {
    if (config.contains(theirs)) rope[ours] = config[theirs];
  }
  result["rope_scaling"] = rope;
  return result;
}

constexpr std::string_view model_types[] = {"gpt_oss", "gpt-oss"};

}  // namespace

const Family& gpt_oss_family() {
  static const Family family = {
      .name = "gpt_oss",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<GptOss>(config, w);
      },
      .adopt = from_original};
  return family;
}

}  // namespace medlar::models
