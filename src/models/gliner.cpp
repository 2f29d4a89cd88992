// GLiNER: Zaratiana et al. 2023 (arXiv 2311.08526), the span model on one encoder: labels and text
// are read together, every span of up to max_width words is scored against every label.
// T tokens, D width, W words, P labels, N spans: W * max_width of each sequence.
#include <algorithm>

#include "base/error.h"
#include "models/deberta_encoder.h"

namespace medlar::models {
namespace {

struct Config {
  i64 D, max_width, label_token, layers;
  bool label_at_marker;  ///< a label's vector is its marker's, else the next token's
  i64 context;  ///< tokens: max_len words of 16 pieces, as the encoder has no end of its own

  explicit Config(const ConfigReader& c)
      : D(c.size_or("hidden_size", 512)),
        max_width(c.size_or("max_width", 12)),
        label_token(c.size("class_token_index")),
        layers(c.flag_or("has_rnn", true) ? c.size_or("num_rnn_layers", 1) : 0),
        label_at_marker(c.flag_or("embed_ent_token", true)),
        context(16 * c.size_or("max_len", 384)) {
    expect(c, "span_mode", "markerV0");
    expect(c, "subtoken_pooling", "first");
    expect(c, "post_fusion_schema", "");
    if (c.has("labels_encoder") || c.flag_or("fuse_layers", false))
      fail(ErrorCode::unsupported, "gliner with labels_encoder or fuse_layers");
    if (max_width > 128 || D % 2 != 0)
      fail(ErrorCode::corrupt_file, "config: max_width {} or hidden_size {}", max_width, D);
  }

  static void expect(const ConfigReader& c, std::string_view key, std::string_view value) {
    if (const std::string found = c.text_or(key, value); found != value)
      fail(ErrorCode::unsupported, "gliner with {} '{}'", key, found);
  }
};

/// Sizes of the encoder where only "model_name" tells it: those of the published DeBERTa-v3.
Json named_encoder(const std::string& name) {
  struct Known {
    std::string_view name;
    i64 hidden, layers, heads;
  };
  static constexpr Known known[] = {{"microsoft/deberta-v3-xsmall", 384, 12, 6},
                                    {"microsoft/deberta-v3-small", 768, 6, 12},
                                    {"microsoft/deberta-v3-base", 768, 12, 12},
                                    {"microsoft/deberta-v3-large", 1024, 24, 16},
                                    {"microsoft/mdeberta-v3-base", 768, 12, 12}};
  const auto* found = std::ranges::find(known, name, &Known::name);
  if (found == std::end(known))
    fail(ErrorCode::unsupported, "gliner on the encoder '{}', whose sizes are not known here",
         name);
  return {{"model_type", "deberta-v2"},
          {"hidden_size", found->hidden},
          {"num_hidden_layers", found->layers},
          {"num_attention_heads", found->heads},
          {"intermediate_size", 4 * found->hidden},
          {"max_position_embeddings", 512},
          {"type_vocab_size", 0},
          {"relative_attention", true},
          {"position_biased_input", false},
          {"position_buckets", 256},
          {"share_att_key", true},
          {"norm_rel_ebd", "layer_norm"},
          {"pos_att_type", Json::array({"p2c", "c2p"})}};
}

/// The encoder's configuration; its table has rows for the added tokens too.
Json encoder_config(const Json& config, const nn::Weights& w) {
  const ConfigReader c(config);
  const bool given = config.contains("encoder_config") && config["encoder_config"].is_object();
  Json encoder = given ? config["encoder_config"] : named_encoder(c.text_or("model_name", ""));
  const ConfigReader e(encoder);
  if (const std::string type = e.text_or("model_type", ""); type != "deberta-v2")
    fail(ErrorCode::unsupported, "gliner on an encoder of type '{}'", type);
  encoder["vocab_size"] =
      w.rows_of("embeddings.word_embeddings.weight", e.size_or("vocab_size", 128100));
  return encoder;
}

/// second(relu(first(x))), four times as wide inside.
struct Mlp {
  nn::Linear first, second;

  Mlp(const nn::Weights& w, i64 in, i64 out)
      : first(w.linear("0", 4 * out, in, nn::Split::none, nn::Bias::present)),
        second(w.linear("3", out, 4 * out, nn::Split::none, nn::Bias::present)) {}
  Tensor operator()(Context& ctx, const Tensor& x) const {
    return second(ctx, ops::relu(ctx, first(ctx, x)));
  }
};

/// One direction of an LSTM layer over the words.
struct Lstm {
  nn::Linear input, state;
  ops::Direction direction;

  Lstm(const nn::Weights& w, const std::string& end, i64 D, ops::Direction towards)
      : input(w.linear("input_" + end, 2 * D, D, nn::Split::none, nn::Bias::present)),
        state(w.linear("state_" + end, 2 * D, D / 2, nn::Split::none, nn::Bias::present)),
        direction(towards) {}
  Tensor operator()(Context& ctx, const Tensor& x_WD, std::span<const i64> starts) const {
    return ops::lstm(ctx, input(ctx, x_WD), state.weight, &*state.bias, starts, direction);
  }
};

/// Some rows of the batch, sequence after sequence.
struct Rows {
  std::vector<i64> rows;
  std::vector<i64> starts = {0};

  i64 count(std::size_t sequence) const { return starts[sequence + 1] - starts[sequence]; }
  Tensor of(Context& ctx, const Tensor& x) const {
    return ops::gather_rows(ctx, x, Tensor::of(ctx.pool, {ssize_of(rows)}, rows));
  }
};

class Gliner final : public Model {
 public:
  Gliner(const Json& config, const nn::Weights& w)
      : c_(ConfigReader(config)),
        encoder_(encoder_config(config, w.at("encoder")), w.at("encoder")),
        label_(w.at("prompt_rep_layer"), c_.D, c_.D),
        start_(w.at("span.project_start"), c_.D, c_.D),
        end_(w.at("span.project_end"), c_.D, c_.D),
        span_(w.at("span.out_project"), 2 * c_.D, c_.D) {
    const i64 width = encoder_.config().D;
    if (width != c_.D)
      project_ = w.linear("projection", c_.D, width, nn::Split::none, nn::Bias::present);
    for (i64 i = 0; i < c_.layers; ++i) {
      const std::string end = fmt::format("l{}", i);
      lstm_.push_back({Lstm(w.at("rnn.lstm"), end, c_.D, ops::Direction::forward),
                       Lstm(w.at("rnn.lstm"), end + "_reverse", c_.D, ops::Direction::inverse)});
    }
  }

  Outputs forward(Context& ctx, const Batch& batch, const KvCache&) const override {
    Tensor x_TD = encoder_(ctx, batch);
    if (project_) x_TD = (*project_)(ctx, x_TD);
    const Rows words = word_rows(batch);
    const Rows labels = label_rows(batch);
    Tensor x_WD = words.of(ctx, x_TD);
    Tensor x_PD = labels.of(ctx, x_TD);
    Tensor x_ND = x_WD;
    if (!words.rows.empty()) {
      for (const auto& [forward, backward] : lstm_) {
        x_WD = ops::concat_columns(ctx, forward(ctx, x_WD, words.starts),
                                   backward(ctx, x_WD, words.starts));
      }
      x_ND = spans(ctx, x_WD, words);
    }
    if (!labels.rows.empty()) x_PD = label_(ctx, x_PD);
    const Output logits = scores(ctx, x_ND, words, x_PD, labels);
    Output probabilities = logits;
    probabilities.name = "scores";
    probabilities.value = ops::sigmoid(ctx, logits.value);
    return {logits,
            probabilities,
            in_parts("words_rep", x_WD, words),
            in_parts("prompts", x_PD, labels),
            {"token_rep", Per::token, x_TD}};
  }

  ModelFacts facts() const override { return encoder_facts(encoder_.config(), c_.context); }

 private:
  static Rows word_rows(const Batch& batch) {
    const bool known = batch.words && batch.words->device() != Device::meta;
    return rows_where(batch, [&](i64 t) { return !known || batch.words->i64s()[t] != 0; });
  }

  /// Markers of labels, or the tokens behind them; the last token has none behind it.
  Rows label_rows(const Batch& batch) const {
    const bool known = batch.ids.device() != Device::meta;
    const i64 behind = c_.label_at_marker ? 0 : 1;
    return rows_where(batch, [&](i64 t) {
      const bool first = std::ranges::binary_search(batch.starts, t);
      return known && !(behind == 1 && first) && batch.ids.i64s()[t - behind] == c_.label_token;
    });
  }

  template <typename Wanted>
  static Rows rows_where(const Batch& batch, const Wanted& wanted) {
    Rows rows;
    for (std::size_t s = 0; s + 1 < batch.starts.size(); ++s) {
      for (i64 t = batch.starts[s]; t < batch.starts[s + 1]; ++t) {
        if (wanted(t)) rows.rows.push_back(t);
      }
      rows.starts.push_back(ssize_of(rows.rows));
    }
    return rows;
  }

  /// Every word with the max_width words from it on as last ones; where the text ends before, the
  /// reference scores the span of the first word instead.
  Tensor spans(Context& ctx, const Tensor& x_WD, const Rows& words) const {
    Rows first, last;
    for (std::size_t s = 0; s + 1 < words.starts.size(); ++s) {
      for (i64 i = words.starts[s]; i < words.starts[s + 1]; ++i) {
        for (i64 j = i; j < i + c_.max_width; ++j) {
          const bool inside = j < words.starts[s + 1];
          first.rows.push_back(inside ? i : words.starts[s]);
          last.rows.push_back(inside ? j : words.starts[s]);
        }
      }
    }
    const Tensor ends =
        ops::concat_columns(ctx, first.of(ctx, start_(ctx, x_WD)), last.of(ctx, end_(ctx, x_WD)));
    return span_(ctx, ops::relu(ctx, ends));
  }

  /// [words, max_width, labels] of each sequence: the product of spans and labels.
  Output scores(Context& ctx, const Tensor& x_ND, const Rows& words, const Tensor& x_PD,
                const Rows& labels) const {
    Output output = {.name = "logits", .per = Per::part, .value = x_ND};
    i64 total = 0;
    for (std::size_t s = 0; s + 1 < words.starts.size(); ++s) {
      output.parts.push_back({words.count(s), c_.max_width, labels.count(s)});
      total += output.parts.back().count();
    }
    output.value = Tensor::empty(ctx.pool, {total, 1});
    float* to = output.value.f32();
    for (std::size_t s = 0; s + 1 < words.starts.size(); ++s) {
      if (output.parts[s].count() == 0) continue;
      const auto slice = [&](const Tensor& x, const Rows& rows, i64 each) {
        Rows part;
        for (i64 r = rows.starts[s] * each; r < rows.starts[s + 1] * each; ++r)
          part.rows.push_back(r);
        return part.of(ctx, x);
      };
      const Tensor y_NP = ops::linear(ctx, slice(x_ND, words, c_.max_width),
                                      ops::trainable_weight(slice(x_PD, labels, 1)));
      to = std::copy_n(y_NP.f32(), y_NP.count(), to);
    }
    return output;
  }

  Output in_parts(const char* name, const Tensor& x, const Rows& rows) const {
    Output output = {.name = name, .per = Per::part, .value = x.reshape({x.count(), 1})};
    for (std::size_t s = 0; s + 1 < rows.starts.size(); ++s)
      output.parts.push_back({rows.count(s), c_.D});
    return output;
  }

  Config c_;
  DebertaEncoder encoder_;
  std::optional<nn::Linear> project_;
  std::vector<std::pair<Lstm, Lstm>> lstm_;
  Mlp label_, start_, end_, span_;
};

// The published names of the parts.
using formats::Container;
constexpr nn::NameRule rules[] = {
    {Container::huggingface, "encoder.*", "token_rep_layer.bert_layer.model.*"},
    {Container::huggingface, "projection.*", "token_rep_layer.projection.*"},
    {Container::huggingface, "span.*", "span_rep_layer.span_rep_layer.*"},
    {Container::huggingface, "rnn.lstm.input_*.weight", "rnn.lstm.weight_ih_*"},
    {Container::huggingface, "rnn.lstm.input_*.bias", "rnn.lstm.bias_ih_*"},
    {Container::huggingface, "rnn.lstm.state_*.weight", "rnn.lstm.weight_hh_*"},
    {Container::huggingface, "rnn.lstm.state_*.bias", "rnn.lstm.bias_hh_*"},
};

/// gliner_config.json of before 2025 names no type.
Json from_older(const Json& config) {
  if (!config.contains("span_mode")) return nullptr;
  Json result = config;
  result["model_type"] = "gliner";
  return result;
}

constexpr std::string_view model_types[] = {"gliner"};

}  // namespace

const Family& gliner_family() {
  static const Family family = {
      .name = "gliner",
      .model_types = model_types,
      .rules = rules,
      .make = [](const Json& config, const nn::Weights& w) -> std::unique_ptr<Model> {
        return std::make_unique<Gliner>(config, w);
      },
      .adopt = from_older};
  return family;
}

}  // namespace medlar::models
