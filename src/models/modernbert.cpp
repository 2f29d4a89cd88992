// ModernBERT: Warner et al. 2024 (arXiv 2412.13663). Norms before attention and feed-forward and
// without biases, GeGLU, rotary positions; every few layers attend globally, the rest to a window.
// T tokens, D hidden, H heads, d head size, F feed-forward, V vocabulary.
#include <cmath>

#include "base/error.h"
#include "models/config.h"
#include "models/encoder_head.h"
#include "models/heads.h"
#include "nn/self_attention.h"

namespace medlar::models {
namespace {

/// Positions and reach of one kind of layer.
struct Reach {
  nn::RopeConfig rope;
  i64 window;  ///< tokens to each side, 0 for all
};

struct Config {
  i64 D, H, d, F, V, layers, context;
  float epsilon;
  nn::Activation activation;
  Reach global, local;
  std::vector<bool> is_local;  ///< of each layer

  explicit Config(const ConfigReader& c)
      : D(c.size("hidden_size")),
        H(c.size("num_attention_heads")),
        d(D / H),
        F(c.size("intermediate_size")),
        V(c.size("vocab_size")),
        layers(c.size("num_hidden_layers")),
        context(c.size_or("max_position_embeddings", 8192)),
        epsilon(static_cast<float>(c.number_or("norm_eps", 1e-5))),
        activation(nn::activation_named(c.text_or("hidden_activation", "gelu"))),
        global{.rope = layer_rope(c, "full_attention", "global_rope_theta", 160000.0, d),
               .window = 0},
        local{.rope = layer_rope(c, "sliding_attention", "local_rope_theta", 10000.0, d),
              .window = c.size_or("local_attention", 128) / 2},
        is_local(layer_is_local(c, layers)) {
    if (D % H != 0) fail(ErrorCode::corrupt_file, "config: hidden_size {} over {} heads", D, H);
  }

  const Reach& reach(i64 layer) const {
    return is_local[static_cast<std::size_t>(layer)] ? local : global;
  }

  /// By "rope_parameters" of the kind of layer in newer files, by a key of its own in older ones.
  static nn::RopeConfig layer_rope(const ConfigReader& c, const char* kind, const char* theta_key,
                                   double theta, i64 head_size) {
    Json flat = Json::object();
    const auto all = c.json().find("rope_parameters");
    if (all != c.json().end() && all->is_object() && all->contains(kind))
      flat["rope_parameters"] = (*all)[kind];
    flat["rope_theta"] = c.number_or(theta_key, theta);
    return rope_config(ConfigReader(flat), head_size);
  }

  static std::vector<bool> layer_is_local(const ConfigReader& c, i64 layers) {
    const auto types = c.json().find("layer_types");
    const bool listed = types != c.json().end() && types->is_array();
    if (layers > 1 << 16 || (listed && ssize_of(*types) != layers))
      fail(ErrorCode::corrupt_file, "config: layer_types does not fit {} layers", layers);
    const i64 every = c.size_or("global_attn_every_n_layers", 3);
    std::vector<bool> local;
    for (i64 i = 0; i < layers; ++i) {
      local.push_back(listed ? (*types)[static_cast<std::size_t>(i)] == "sliding_attention"
                             : i % every != 0);
    }
    return local;
  }
};

/// x += attention(norm(x)); x += Wo(activation(input(norm(x))) * gate(norm(x))). The first layer's
/// attention takes x as it is: the embeddings are normed already.
struct Block {
  std::optional<nn::LayerNorm> attention_norm;
  nn::SelfAttention attention;
  nn::LayerNorm mlp_norm;
  nn::Linear input, gate, output;
  nn::Activation activation;

  Block(const nn::Weights& w, const Config& c, i64 layer)
      : attention(make_attention(w.at("attn"), c, layer)),
        mlp_norm(nn::layer_norm(w, "mlp_norm", c.D, c.epsilon, nn::Bias::optional)),
        input(w.at("mlp").linear("input", c.F, c.D, nn::Split::out, nn::Bias::optional)),
        gate(w.at("mlp").linear("gate", c.F, c.D, nn::Split::out, nn::Bias::optional)),
        output(w.at("mlp").linear("Wo", c.D, c.F, nn::Split::in, nn::Bias::optional)),
        activation(c.activation) {
    if (layer > 0)
      attention_norm = nn::layer_norm(w, "attn_norm", c.D, c.epsilon, nn::Bias::optional);
  }

  static nn::SelfAttention make_attention(const nn::Weights& w, const Config& c, i64 layer) {
    const auto projection = [&](std::string_view name, nn::Split split) {
      return w.linear(name, c.D, c.D, split, nn::Bias::optional);
    };
    return {.q_proj = projection("query", nn::Split::out),
            .k_proj = projection("key", nn::Split::out),
            .v_proj = projection("value", nn::Split::out),
            .o_proj = projection("Wo", nn::Split::in),
            .q_norm = std::nullopt,
            .k_norm = std::nullopt,
            .head_size = c.d,
            .spec = {.scale = 1.0f / std::sqrt(static_cast<float>(c.d)),
                     .mask = ops::Mask::bidirectional,
                     .window = c.reach(layer).window}};
  }

  Tensor operator()(Context& ctx, const Tensor& x_TD, const nn::RopeAngles& angles,
                    const Batch& batch) const {
    const Tensor n_TD = attention_norm ? (*attention_norm)(ctx, x_TD) : x_TD;
    const Tensor a_TD = ops::add(ctx, x_TD, attention(ctx, n_TD, &angles, batch, nullptr));
    const Tensor m_TD = mlp_norm(ctx, a_TD);
    const Tensor f_TF = ops::multiply(ctx, activation(ctx, input(ctx, m_TD)), gate(ctx, m_TD));
    return ops::add(ctx, a_TD, output(ctx, f_TF));
  }
};

/// dense, activation, norm stand before every head but the bare model's.
std::vector<HeadOutput> heads(const Json& config) {
  constexpr HeadOutput common = {.architecture = {},
                                 .dense = "head.dense",
                                 .activation_key = "classifier_activation",
                                 .norm = "head.norm",
                                 .biases = nn::Bias::optional};
  const std::string pooling = ConfigReader(config).text_or("classifier_pooling", "cls");
  if (pooling != "cls" && pooling != "mean")
    fail(ErrorCode::unsupported, "modernbert with classifier_pooling '{}'", pooling);
  HeadOutput token = common;
  token.architecture = "ForTokenClassification";
  token.final = Final::labels;
  token.matrix = "classifier";
  HeadOutput sequence = token;
  sequence.architecture = "ForSequenceClassification";
  sequence.pooling = pooling == "cls" ? Pooling::first : Pooling::mean;
  HeadOutput question = token;
  question.architecture = "ForQuestionAnswering";
  question.final = Final::ends;
  HeadOutput masked = common;
  masked.architecture = "ForMaskedLM";
  masked.final = Final::vocabulary;
  masked.matrix = "decoder";
  masked.bias = "decoder.bias";
  return {
      token, sequence, question, masked, {.architecture = "Model", .name = "last_hidden_state"}};
}

class ModernBert final : public Model {
 public:
  ModernBert(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        words_(w.at("model").at("embeddings").table("tok_embeddings", c_.V, c_.D)),
        norm_(nn::layer_norm(w.at("model").at("embeddings"), "norm", c_.D, c_.epsilon,
                             nn::Bias::optional)),
        global_(c_.global.rope),
        local_(c_.local.rope),
        final_norm_(
            nn::layer_norm(w.at("model"), "final_norm", c_.D, c_.epsilon, nn::Bias::optional)),
        head_(config, w, heads(config), words_, {.hidden = c_.D, .epsilon = c_.epsilon}) {
    check_ranks(w, "heads", c_.H);
    for (i64 i = 0; i < c_.layers; ++i) blocks_.emplace_back(w.at("model").at("layers", i), c_, i);
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    Tensor x_TD = norm_(ctx, ops::embed(ctx, batch.ids, words_));
    const nn::RopeAngles global = global_.angles(ctx, batch.positions);
    const nn::RopeAngles local = local_.angles(ctx, batch.positions);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      ctx.observe(static_cast<i64>(i), x_TD);
      x_TD = blocks_[i](ctx, x_TD, c_.is_local[i] ? local : global, batch);
    }
    x_TD = final_norm_(ctx, x_TD);
    ctx.observe(c_.layers, x_TD);
    return head_(ctx, x_TD, batch);
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
  Config c_;
  ops::Weight words_;
  nn::LayerNorm norm_;
  nn::Rope global_, local_;
  nn::LayerNorm final_norm_;
  EncoderHead head_;
  std::vector<Block> blocks_;
};

// Wqkv is query, key and value, Wi the two halves of GeGLU; bare models drop the "model." prefix.
using formats::Container;
using nn::Stored;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "*.attn.query.*", "*.attn.Wqkv.*", Stored::as_is, nn::Rows::first},
    {Container::huggingface, "*.attn.key.*", "*.attn.Wqkv.*", Stored::as_is,
     nn::Rows::next_to_last},
    {Container::huggingface, "*.attn.value.*", "*.attn.Wqkv.*", Stored::as_is, nn::Rows::last},
    {Container::huggingface, "*.mlp.input.*", "*.mlp.Wi.*", Stored::as_is, nn::Rows::first},
    {Container::huggingface, "*.mlp.gate.*", "*.mlp.Wi.*", Stored::as_is, nn::Rows::last},
    {Container::huggingface, "model.*.attn.query.*", "*.attn.Wqkv.*", Stored::as_is,
     nn::Rows::first},
    {Container::huggingface, "model.*.attn.key.*", "*.attn.Wqkv.*", Stored::as_is,
     nn::Rows::next_to_last},
    {Container::huggingface, "model.*.attn.value.*", "*.attn.Wqkv.*", Stored::as_is,
     nn::Rows::last},
    {Container::huggingface, "model.*.mlp.input.*", "*.mlp.Wi.*", Stored::as_is, nn::Rows::first},
    {Container::huggingface, "model.*.mlp.gate.*", "*.mlp.Wi.*", Stored::as_is, nn::Rows::last},
    {Container::huggingface, "model.*", "*"},
};

constexpr std::string_view model_types[] = {"modernbert"};

}  // namespace

const Family& modernbert_family() {
  static const Family family = {
      .name = "modernbert",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<ModernBert>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
