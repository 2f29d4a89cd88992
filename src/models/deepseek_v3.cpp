// DeepSeek-V3 and R1: DeepSeek-AI 2024 (arXiv 2412.19437). Multi-head latent attention: keys and
// values of all heads come from one vector c of L numbers a token, and a rotary key that all heads
// share. The products with the maps from c are absorbed into q and the output, so that c and the
// rotary key alone are kept. T tokens, D hidden, H heads, n and r the plain and the rotary part of
// a head, v its value, L the latent size, Q the latent size of q.
#include <cmath>

#include "base/error.h"
#include "models/config.h"
#include "models/heads.h"
#include "models/sigmoid_experts.h"
#include "nn/norm.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, H, n, r, v, L, Q, F, V, layers, dense_layers, context;
  float epsilon;
  bool tied;
  nn::Bias attention_bias;
  nn::RopeConfig rope;
  SigmoidExpertsConfig experts;

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        n(c.size("qk_nope_head_dim")),
        r(c.size("qk_rope_head_dim")),
        v(c.size("v_head_dim")),
        L(c.size("kv_lora_rank")),
        Q(c.count_or("q_lora_rank", 0)),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        dense_layers(c.count_or("first_k_dense_replace", 3)),
        context(c.size_or("max_position_embeddings", 4096)),
        epsilon(static_cast<float>(c.number_or("rms_norm_eps", 1e-6))),
        tied(c.flag_or("tie_word_embeddings", false)),
        attention_bias(c.flag_or("attention_bias", false) ? nn::Bias::present : nn::Bias::none),
        rope(rope_config(c, r)),
        experts(c) {
    rope.layout =
        c.flag_or("rope_interleave", true) ? ops::RopeLayout::pairs : ops::RopeLayout::halves;
  }
};

/// A map of its own for each head.
struct PerHead {
  nn::GroupedLinear maps;

  /// x [T, H, in] -> [T, H, out].
  Tensor operator()(Context& ctx, const Tensor& x_THi) const {
    const i64 T = x_THi.size(0);
    const i64 H = x_THi.size(1);
    Tensor by_head = Tensor::empty(ctx.pool, {H * T}, DType::i64);
    Tensor by_token = Tensor::empty(ctx.pool, {T * H}, DType::i64);
    std::vector<i64> starts;
    for (i64 h = 0; h <= H; ++h) starts.push_back(h * T);
    for (i64 i = 0; by_head.device() != Device::meta && i < T * H; ++i) {
      by_head.i64s()[i] = i % T * H + i / T;
      by_token.i64s()[i] = i % H * T + i / H;
    }
    const Tensor x_HTi = ops::gather_rows(ctx, x_THi.reshape({T * H, maps.in}), by_head);
    const Tensor y_HTo = maps(ctx, x_HTi, starts);
    return ops::gather_rows(ctx, y_HTo, by_token).reshape({T, H, maps.out});
  }
};

struct LatentAttention {
  std::optional<nn::Linear> q_proj, q_a_proj, q_b_proj;
  std::optional<nn::RmsNorm> q_a_norm;
  nn::Linear kv_a_proj;
  nn::RmsNorm kv_a_norm;
  PerHead k_up, v_up;  ///< W_UK transposed [L, n] and W_UV [v, L] of each head
  nn::Linear o_proj;
  ops::AttentionSpec spec;
  i64 n, r, v, L;

  LatentAttention(const nn::Weights& w, const Config& c)
      : kv_a_proj(
            w.linear("kv_a_proj_with_mqa", c.L + c.r, c.D, nn::Split::none, c.attention_bias)),
        kv_a_norm(nn::rms_norm(w, "kv_a_layernorm", c.L, c.epsilon)),
        k_up{w.per_head("k_b_proj", c.H, c.L, c.n)},
        v_up{w.per_head("v_b_proj", c.H, c.v, c.L)},
        o_proj(w.linear("o_proj", c.D, c.H * c.v, nn::Split::in, c.attention_bias)),
        spec{.scale = static_cast<float>(c.rope.score_factor /
                                         std::sqrt(static_cast<double>(c.n + c.r)))},
        n(c.n),
        r(c.r),
        v(c.v),
        L(c.L) {
    const i64 q_rows = c.H * (c.n + c.r);
    if (c.Q == 0) {
      q_proj = w.linear("q_proj", q_rows, c.D, nn::Split::out);
    } else {
      q_a_proj = w.linear("q_a_proj", c.Q, c.D, nn::Split::none, c.attention_bias);
      q_a_norm = nn::rms_norm(w, "q_a_layernorm", c.Q, c.epsilon);
      q_b_proj = w.linear("q_b_proj", q_rows, c.Q, nn::Split::out);
    }
  }

  Tensor operator()(Context& ctx, const Tensor& x_TD, const nn::RopeAngles& angles,
                    const Batch& batch, const backend::KvPages* cache) const {
    const i64 T = x_TD.size(0);
    const Tensor q_T =
        q_proj ? (*q_proj)(ctx, x_TD) : (*q_b_proj)(ctx, (*q_a_norm)(ctx, (*q_a_proj)(ctx, x_TD)));
    const Tensor q_THi = q_T.reshape({T, q_T.size(1) / (n + r), n + r});
    const Tensor q_rope_THr = nn::turn(ctx, ops::columns(ctx, q_THi, n, r), angles);
    const Tensor q_THL = k_up(ctx, ops::columns(ctx, q_THi, 0, n));
    const Tensor z_T = kv_a_proj(ctx, x_TD);
    const Tensor c_TL = kv_a_norm(ctx, ops::columns(ctx, z_T, 0, L));
    const Tensor k_rope_T1r =
        nn::turn(ctx, ops::columns(ctx, z_T, L, r).reshape({T, 1, r}), angles);
    const Tensor q = ops::concat_columns(ctx, q_THL, q_rope_THr);
    const Tensor c_T1L = c_TL.reshape({T, 1, L});
    const Tensor k = ops::concat_columns(ctx, c_T1L, k_rope_T1r);
    Tensor u_THL = q_THL;
    if (cache != nullptr) {
      ops::store_kv(ctx, k, c_T1L, *batch.slots, *cache);
      u_THL = ops::cached_attention(ctx, q, *cache, batch.sequences, spec);
    } else {
      u_THL = ops::attention(ctx, q, k, c_T1L, batch.starts, spec);
    }
    const Tensor y_THv = v_up(ctx, u_THL);
    return o_proj(ctx, y_THv.reshape({T, y_THv.size(1) * v}));
  }
};

/// h += attention(norm(h)); h += mlp(norm(h)), the mlp dense or a mixture.
struct Block {
  nn::RmsNorm attention_norm;
  LatentAttention attention;
  nn::RmsNorm mlp_norm;
  LayerMlp mlp;

  Block(const nn::Weights& w, const Config& c, i64 layer)
      : attention_norm(nn::rms_norm(w, "input_layernorm", c.D, c.epsilon)),
        attention(w.at("self_attn"), c),
        mlp_norm(nn::rms_norm(w, "post_attention_layernorm", c.D, c.epsilon)),
        mlp(w.at("mlp"), c.D, c.F, c.experts, layer < c.dense_layers) {}

  Tensor operator()(Context& ctx, const Tensor& h_TD, const nn::RopeAngles& angles,
                    const Batch& batch, const backend::KvPages* cache) const {
    const Tensor a_TD =
        ops::add(ctx, h_TD, attention(ctx, attention_norm(ctx, h_TD), angles, batch, cache));
    return ops::add(ctx, a_TD, mlp(ctx, mlp_norm(ctx, a_TD)));
  }
};

class DeepSeekV3 final : public Model {
 public:
  DeepSeekV3(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embed_tokens_(w.at("model").table("embed_tokens", c_.V, c_.D,
                                          c_.tied ? nn::Table::output_too : nn::Table::lookup)),
        rope_(c_.rope),
        norm_(nn::rms_norm(w.at("model"), "norm", c_.D, c_.epsilon)),
        head_(config, w, embed_tokens_, c_.tied) {
    check_ranks(w, "heads", c_.H);
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

  ModelFacts facts() const override {
    return {.direction = Direction::causal,
            .generates = head_.generates(),
            .layers = c_.layers,
            .hidden = c_.D,
            .vocabulary = c_.V,
            .context = c_.context,
            .kv = {.layers = c_.layers,
                   .heads = 1,
                   .key_size = c_.L + c_.r,
                   .value_size = c_.L,
                   .values_in_keys = true}};
  }

 private:
  Config c_;
  ops::Weight embed_tokens_;
  nn::Rope rope_;
  nn::RmsNorm norm_;
  DecoderHead head_;
  std::vector<Block> blocks_;
};

// The published kv_b_proj holds, head after head, n rows for keys and v rows for values.
using formats::Container;
using nn::Rows;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*.self_attn.k_b_proj.weight", "*.self_attn.kv_b_proj.weight",
     Stored::transposed, Rows::first_inputs},
    {Container::huggingface, "*.self_attn.v_b_proj.weight", "*.self_attn.kv_b_proj.weight",
     Stored::as_is, Rows::last},
    {Container::gguf, "model.embed_tokens.*", "token_embd.*"},
    {Container::gguf, "model.norm.*", "output_norm.*"},
    {Container::gguf, "lm_head.*", "output.*"},
    {Container::gguf, "model.layers.*.input_layernorm.*", "blk.*.attn_norm.*"},
    {Container::gguf, "model.layers.*.post_attention_layernorm.*", "blk.*.ffn_norm.*"},
    {Container::gguf, "model.layers.*.self_attn.q_a_layernorm.*", "blk.*.attn_q_a_norm.*"},
    {Container::gguf, "model.layers.*.self_attn.kv_a_layernorm.*", "blk.*.attn_kv_a_norm.*"},
    {Container::gguf, "model.layers.*.self_attn.kv_a_proj_with_mqa.*", "blk.*.attn_kv_a_mqa.*"},
    {Container::gguf, "model.layers.*.self_attn.o_proj.*", "blk.*.attn_output.*"},
    {Container::gguf, "model.layers.*.self_attn.*_proj.*", "blk.*.attn_*.*"},
    {Container::gguf, "model.layers.*.self_attn.k_b_proj.weight", "blk.*.attn_kv_b.weight",
     Stored::transposed, Rows::first_inputs},
    {Container::gguf, "model.layers.*.self_attn.v_b_proj.weight", "blk.*.attn_kv_b.weight",
     Stored::as_is, Rows::last},
    {Container::gguf, "model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight"},
    {Container::gguf, "model.layers.*.mlp.gate.e_score_correction_bias", "blk.*.exp_probs_b.bias"},
    {Container::gguf, "model.layers.*.mlp.experts.*_proj.*", "blk.*.ffn_*_exps.*"},
    {Container::gguf, "model.layers.*.mlp.shared_experts.*_proj.*", "blk.*.ffn_*_shexp.*"},
    {Container::gguf, "model.layers.*.mlp.*_proj.*", "blk.*.ffn_*.*"},
};

constexpr std::string_view model_types[] = {"deepseek_v3", "deepseek2"};

}  // namespace

const Family& deepseek_v3_family() {
  static const Family family = {
      .name = "deepseek_v3",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<DeepSeekV3>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
