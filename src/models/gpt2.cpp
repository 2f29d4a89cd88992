// GPT-2: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; the form of
// GatorTronGPT (Peng et al. 2023, arXiv 2305.13523). Learned positions, norms before, biases
// everywhere. T tokens, D hidden, H heads, d head size, F feed-forward, V vocabulary.
#include <cmath>

#include "base/error.h"
#include "models/config.h"
#include "models/heads.h"
#include "nn/activation.h"
#include "nn/norm.h"
#include "nn/self_attention.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, d, F, V, layers, context;
  float epsilon;
  bool tied;
  nn::Activation activation;
  float scale;

  explicit Config(const ConfigReader& c)
      : D(c.size("n_embd")),
        H(c.size("n_head")),
        d(D / H),
        F(c.size_or("n_inner", 4 * D)),
        V(c.size("vocab_size")),
        layers(c.size("n_layer")),
        context(c.size_or("n_positions", 1024)),
        epsilon(static_cast<float>(c.number_or("layer_norm_epsilon", 1e-5))),
        tied(c.flag_or("tie_word_embeddings", true)),
        activation(nn::activation_named(c.text_or("activation_function", "gelu_new"))),
        scale(c.flag_or("scale_attn_weights", true) ? 1.0f / std::sqrt(static_cast<float>(d))
                                                    : 1.0f) {
    if (D % H != 0) fail(ErrorCode::corrupt_file, "config: n_embd {} over {} heads", D, H);
    if (c.flag_or("scale_attn_by_inverse_layer_idx", false))
      fail(ErrorCode::unsupported, "gpt2 with scale_attn_by_inverse_layer_idx");
  }
};

/// h += attention(norm(h)); h += c_proj(gelu(c_fc(norm(h)))).
struct Block {
  nn::LayerNorm ln_1;
  nn::SelfAttention attention;
  nn::LayerNorm ln_2;
  nn::Linear c_fc, c_proj;
  nn::Activation activation;

  Block(const nn::Weights& w, const Config& c)
      : ln_1(nn::layer_norm(w, "ln_1", c.D, c.epsilon)),
        attention(make_attention(w.at("attn").with_heads(c.H), c)),
        ln_2(nn::layer_norm(w, "ln_2", c.D, c.epsilon)),
        c_fc(w.at("mlp").linear("c_fc", c.F, c.D, nn::Split::out, nn::Bias::present)),
        c_proj(w.at("mlp").linear("c_proj", c.D, c.F, nn::Split::in, nn::Bias::present)),
        activation(c.activation) {}

  static nn::SelfAttention make_attention(const nn::Weights& w, const Config& c) {
    return {.q_proj = w.linear("q_proj", c.D, c.D, nn::Split::out, nn::Bias::present),
            .k_proj = w.linear("k_proj", c.D, c.D, nn::Split::out, nn::Bias::present),
            .v_proj = w.linear("v_proj", c.D, c.D, nn::Split::out, nn::Bias::present),
            .o_proj = w.linear("c_proj", c.D, c.D, nn::Split::in, nn::Bias::present),
            .q_norm = std::nullopt,
            .k_norm = std::nullopt,
            .head_size = c.d,
            .spec = {.scale = c.scale}};
  }

  Tensor operator()(Context& ctx, const Tensor& h_TD, const Batch& batch,
                    const backend::KvPages* cache) const {
    const Tensor a_TD = ops::add(ctx, h_TD, attention(ctx, ln_1(ctx, h_TD), nullptr, batch, cache));
    const Tensor f_TF = activation(ctx, c_fc(ctx, ln_2(ctx, a_TD)));
    return ops::add(ctx, a_TD, c_proj(ctx, f_TF));
  }
};

class Gpt2 final : public Model {
 public:
  Gpt2(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        wte_(w.at("transformer")
                 .table("wte", c_.V, c_.D, c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        wpe_(w.at("transformer").table("wpe", c_.context, c_.D)),
        ln_f_(nn::layer_norm(w.at("transformer"), "ln_f", c_.D, c_.epsilon)),
        head_(config, w, wte_, c_.tied),
        ranks_(w.ranks()) {
    check_ranks(w, "heads", c_.H);
    for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(w.at("transformer").at("h", i), c_);
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache& cache) const override {
    Tensor h_TD =
        ops::add(ctx, ops::embed(ctx, batch.ids, wte_), ops::embed(ctx, batch.positions, wpe_));
    for (i64 i = 0; i < c_.layers; ++i) {
      ctx.observe(i, h_TD);
      h_TD = blocks_[static_cast<std::size_t>(i)](ctx, h_TD, batch, cache.layer(i));
    }
    h_TD = ln_f_(ctx, h_TD);
    ctx.observe(c_.layers, h_TD);
    return head_(ctx, h_TD, batch);
  }

  ModelFacts facts() const override {
    return {
        .direction = Direction::causal,
        .generates = head_.generates(),
        .layers = c_.layers,
        .hidden = c_.D,
        .vocabulary = c_.V,
        .context = c_.context,
        .context_ends = true,
        .kv = {.layers = c_.layers, .heads = c_.H / ranks_, .key_size = c_.d, .value_size = c_.d}};
  }

 private:
  Config c_;
  ops::Weight wte_, wpe_;
  nn::LayerNorm ln_f_;
  DecoderHead head_;
  i64 ranks_;
  std::vector<Block> blocks_;
};

// Weights are [in, out] and q, k and v one matrix; bare models drop "transformer.". Megatron-LM's
// own files have [out, in], and names that changed with its versions.
using formats::Container;
using nn::Rows;
using nn::Stored;
constexpr Container hf = Container::huggingface;
constexpr nn::NameRule rules[] = {
    {hf, "transformer.h.*.q_proj.weight", "transformer.h.*.c_attn.weight", Stored::transposed,
     Rows::first},
    {hf, "transformer.h.*.k_proj.weight", "transformer.h.*.c_attn.weight", Stored::transposed,
     Rows::next_to_last},
    {hf, "transformer.h.*.v_proj.weight", "transformer.h.*.c_attn.weight", Stored::transposed,
     Rows::last},
    {hf, "transformer.h.*.q_proj.bias", "transformer.h.*.c_attn.bias", Stored::as_is, Rows::first},
    {hf, "transformer.h.*.k_proj.bias", "transformer.h.*.c_attn.bias", Stored::as_is,
     Rows::next_to_last},
    {hf, "transformer.h.*.v_proj.bias", "transformer.h.*.c_attn.bias", Stored::as_is, Rows::last},
    {hf, "transformer.h.*.c_fc.weight", "transformer.h.*.c_fc.weight", Stored::transposed},
    {hf, "transformer.h.*.c_proj.weight", "transformer.h.*.c_proj.weight", Stored::transposed},
    {hf, "transformer.h.*.q_proj.weight", "h.*.c_attn.weight", Stored::transposed, Rows::first},
    {hf, "transformer.h.*.k_proj.weight", "h.*.c_attn.weight", Stored::transposed,
     Rows::next_to_last},
    {hf, "transformer.h.*.v_proj.weight", "h.*.c_attn.weight", Stored::transposed, Rows::last},
    {hf, "transformer.h.*.q_proj.bias", "h.*.c_attn.bias", Stored::as_is, Rows::first},
    {hf, "transformer.h.*.k_proj.bias", "h.*.c_attn.bias", Stored::as_is, Rows::next_to_last},
    {hf, "transformer.h.*.v_proj.bias", "h.*.c_attn.bias", Stored::as_is, Rows::last},
    {hf, "transformer.h.*.c_fc.weight", "h.*.c_fc.weight", Stored::transposed},
    {hf, "transformer.h.*.c_proj.weight", "h.*.c_proj.weight", Stored::transposed},
    {hf, "transformer.*", "*"},
    {hf, "transformer.wte.*", "model.language_model.embedding.word_embeddings.*"},
    {hf, "transformer.wpe.*", "model.language_model.embedding.position_embeddings.*"},
    {hf, "transformer.h.*.attn.q_proj.*",
     "model.language_model.encoder.layers.*.self_attention.query_key_value.*", Stored::as_is,
     Rows::megatron_q},
    {hf, "transformer.h.*.attn.k_proj.*",
     "model.language_model.encoder.layers.*.self_attention.query_key_value.*", Stored::as_is,
     Rows::megatron_k},
    {hf, "transformer.h.*.attn.v_proj.*",
     "model.language_model.encoder.layers.*.self_attention.query_key_value.*", Stored::as_is,
     Rows::megatron_v},
    {hf, "transformer.h.*.attn.c_proj.*",
     "model.language_model.encoder.layers.*.self_attention.dense.*"},
    {hf, "transformer.h.*.ln_1.*", "model.language_model.encoder.layers.*.input_layernorm.*"},
    {hf, "transformer.h.*.ln_2.*",
     "model.language_model.encoder.layers.*.post_attention_layernorm.*"},
    {hf, "transformer.h.*.mlp.c_fc.*", "model.language_model.encoder.layers.*.mlp.dense_h_to_4h.*"},
    {hf, "transformer.h.*.mlp.c_proj.*",
     "model.language_model.encoder.layers.*.mlp.dense_4h_to_h.*"},
    {hf, "transformer.ln_f.*", "model.language_model.encoder.final_layernorm.*"},
    {hf, "transformer.h.*.attn.q_proj.*",
     "model.language_model.transformer.layers.*.attention.query_key_value.*", Stored::as_is,
     Rows::megatron_q},
    {hf, "transformer.h.*.attn.k_proj.*",
     "model.language_model.transformer.layers.*.attention.query_key_value.*", Stored::as_is,
     Rows::megatron_k},
    {hf, "transformer.h.*.attn.v_proj.*",
     "model.language_model.transformer.layers.*.attention.query_key_value.*", Stored::as_is,
     Rows::megatron_v},
    {hf, "transformer.h.*.attn.c_proj.*",
     "model.language_model.transformer.layers.*.attention.dense.*"},
    {hf, "transformer.h.*.ln_1.*", "model.language_model.transformer.layers.*.input_layernorm.*"},
    {hf, "transformer.h.*.ln_2.*",
     "model.language_model.transformer.layers.*.post_attention_layernorm.*"},
    {hf, "transformer.h.*.mlp.c_fc.*",
     "model.language_model.transformer.layers.*.mlp.dense_h_to_4h.*"},
    {hf, "transformer.h.*.mlp.c_proj.*",
     "model.language_model.transformer.layers.*.mlp.dense_4h_to_h.*"},
    {hf, "transformer.ln_f.*", "model.language_model.transformer.final_layernorm.*"},
};

constexpr std::string_view model_types[] = {"gpt2"};

}  // namespace

const Family& gpt2_family() {
  static const Family family = {
      .name = "gpt2",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Gpt2>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
