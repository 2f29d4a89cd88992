// GLM-4.5: Zeng et al. 2025 (arXiv 2508.06471). Leading dense layers, then a mixture of experts
// with sigmoid routing (as DeepSeek-V3, arXiv 2412.19437) and an expert that all tokens share; only
// part of each head turns. T tokens, D hidden, H query heads, K key/value heads, d head size, E
// experts.
#include "models/glm_moe_block.h"
#include "models/heads.h"

namespace medlar::models {
namespace {

class Glm4Moe final : public Model {
 public:
  Glm4Moe(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config), {.head_size = 128, .context = 131072, .attention_bias = false}),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D,
                                          c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(rope_config(ConfigReader(config), c_.d, 0.5)),
        norm_(nn::rms_norm(w.at("model"), "norm", c_.D, c_.epsilon)),
        head_(config, w, embed_tokens_, c_.tied),
        ranks_(w.ranks()) {
    check_heads(w, c_.H, c_.K);
    for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(w.at("model").at("layers", i), c_, i);
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
  GlmMoeConfig c_;
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  DecoderHead head_;
  i64 ranks_;
  std::vector<GlmMoeBlock> blocks_;
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
