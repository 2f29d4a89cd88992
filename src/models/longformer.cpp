// Longformer: Beltagy et al. 2020 (arXiv 2004.05150). RoBERTa whose tokens see a window, and global
// tokens that see and are seen by all, through projections of their own.
// T tokens, D hidden, H heads, F feed-forward, V vocabulary.
#include <cmath>

#include "base/error.h"
#include "models/bert_heads.h"
#include "models/bert_layers.h"

namespace medlar::models {
namespace {

/// Which tokens are global where the caller says nothing, as the reference's heads set them.
enum class Globals { none, first, question };

struct Config : BertConfig {
  std::vector<i64> windows;  ///< of each layer, tokens to each side
  i64 padding, separator;
  Globals globals;

  explicit Config(const ConfigReader& c)
      : BertConfig(c),
        windows(layer_sides(c, layers)),
        padding(padding_id(c, V, 1)),
        separator(c.size_or("sep_token_id", 2)),
        globals(globals_of(architecture(c.json()))) {
    if (context <= padding + 1)
      fail(ErrorCode::corrupt_file, "config: {} positions leave none behind padding id {}", context,
           padding);
  }

  /// Half of "attention_window": one even number, or one for each layer.
  static std::vector<i64> layer_sides(const ConfigReader& c, i64 layers) {
    const auto given = c.json().find("attention_window");
    const bool listed = given != c.json().end() && given->is_array();
    if (layers > 1 << 16 || (listed && ssize_of(*given) != layers))
      fail(ErrorCode::corrupt_file, "config: attention_window does not fit {} layers", layers);
    std::vector<i64> sides;
    for (i64 i = 0; i < layers; ++i) {
      Json one = Json::object();
      if (given != c.json().end())
        one["attention_window"] = listed ? (*given)[static_cast<std::size_t>(i)] : *given;
      const i64 window = ConfigReader(one).size_or("attention_window", 512);
      if (window % 2 != 0)
        fail(ErrorCode::corrupt_file, "config: attention_window {} is odd", window);
      sides.push_back(window / 2);
    }
    return sides;
  }

  static Globals globals_of(const std::string& name) {
    if (name.ends_with("ForSequenceClassification")) return Globals::first;
    return name.ends_with("ForQuestionAnswering") ? Globals::question : Globals::none;
  }
};

/// The global tokens of a batch.
struct Wide {
  Tensor tokens_T;  ///< i64, not 0: global
  bool any;
};

/// Tokens see their window and the global ones; global ones see all, through q, k and v of their
/// own.
struct Attention {
  nn::SelfAttention local;
  nn::Linear q_global, k_global, v_global;

  Attention(const nn::Weights& w, const Config& c, i64 layer)
      : local(bert_attention(w, c)),
        q_global(projection(w, "attention.self.query_global", c)),
        k_global(projection(w, "attention.self.key_global", c)),
        v_global(projection(w, "attention.self.value_global", c)) {
    local.spec.window = c.windows[static_cast<std::size_t>(layer)];
  }

  static nn::Linear projection(const nn::Weights& w, std::string_view name, const Config& c) {
    return w.linear(name, c.D, c.D, nn::Split::out, nn::Bias::present);
  }

  Tensor operator()(Context& ctx, const Tensor& x_TD, const Batch& batch, const Wide& wide) const {
    const auto by_head = [&](const nn::Linear& project) {
      const Tensor y = project(ctx, x_TD);
      return y.reshape({y.size(0), y.size(1) / local.head_size, local.head_size});
    };
    const ops::Projected near = {by_head(local.q_proj), by_head(local.k_proj),
                                 by_head(local.v_proj)};
    std::optional<ops::Projected> far;
    if (wide.any) far = {by_head(q_global), by_head(k_global), by_head(v_global)};
    const Tensor y_THd = ops::global_attention(ctx, near, far ? &*far : nullptr, wide.tokens_T,
                                               batch.starts, local.spec);
    return local.o_proj(ctx, y_THd.reshape({x_TD.size(0), y_THd.size(1) * y_THd.size(2)}));
  }
};

struct Block {
  Attention attention;
  BertTail tail;

  Block(const nn::Weights& w, const Config& c, i64 layer) : attention(w, c, layer), tail(w, c) {}
  Tensor operator()(Context& ctx, const Tensor& x_TD, const Batch& batch, const Wide& wide) const {
    return tail(ctx, x_TD, attention(ctx, x_TD, batch, wide));
  }
};

class Longformer final : public Model {
 public:
  Longformer(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        embeddings_(w.at("roberta").at("embeddings"), c_),
        head_(config, w, roberta_heads(), embeddings_.words,
              {.hidden = c_.D, .epsilon = c_.epsilon}) {
    for (i64 i = 0; i < c_.layers; ++i)
      blocks_.emplace_back(w.at("roberta").at("encoder").at("layer", i), c_, i);
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    const Tensor positions_T = positions_after_padding(ctx, batch, c_.padding);
    const Wide wide = wide_tokens(ctx, batch);
    Tensor x_TD = embeddings_(ctx, batch, positions_T);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      ctx.observe(static_cast<i64>(i), x_TD);
      x_TD = blocks_[i](ctx, x_TD, batch, wide);
    }
    ctx.observe(c_.layers, x_TD);
    return head_(ctx, x_TD, batch);
  }

  ModelFacts facts() const override { return encoder_facts(c_, c_.context - c_.padding - 1); }

 private:
  /// Those that the batch names, else those of the head.
  Wide wide_tokens(Context& ctx, const Batch& batch) const {
    Wide wide = {.tokens_T = Tensor::zeros(ctx.pool, batch.ids.shape(), DType::i64), .any = false};
    if (batch.ids.device() == Device::meta) {
      wide.any = c_.globals != Globals::none;
      return wide;
    }
    for (std::size_t s = 0; s + 1 < batch.starts.size(); ++s) {
      bool in_question = true;
      for (i64 t = batch.starts[s]; t < batch.starts[s + 1]; ++t) {
        in_question = in_question && batch.ids.i64s()[t] != c_.separator;
        const i64 asked = batch.global_tokens ? batch.global_tokens->i64s()[t] : -1;
        const bool is_wide = asked < 0 ? by_head(t == batch.starts[s], in_question) : asked != 0;
        wide.tokens_T.i64s()[t] = is_wide ? 1 : 0;
        wide.any = wide.any || is_wide;
      }
    }
    return wide;
  }

  bool by_head(bool is_first, bool in_question) const {
    return (c_.globals == Globals::first && is_first) ||
           (c_.globals == Globals::question && in_question);
  }

  Config c_;
  BertEmbeddings embeddings_;
  EncoderHead head_;
  std::vector<Block> blocks_;
};

// RoBERTa's names under "longformer."; bare models drop the prefix.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "roberta.*", "longformer.*"},
    {Container::huggingface, "roberta.*", "*"},
};

constexpr std::string_view model_types[] = {"longformer"};

}  // namespace

const Family& longformer_family() {
  static const Family family = {
      .name = "longformer",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Longformer>(config, w);
      }};
  return family;
}

}  // namespace medlar::models
