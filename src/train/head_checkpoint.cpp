#include "train/head_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/rng.h"
#include "formats/pending_file.h"
#include "formats/safetensors.h"
#include "models/config.h"
#include "runtime/model_files.h"

namespace medlar::train {
namespace {

/// Box and Muller 1958.
float normal(u64 seed, u64 stream, u64 counter) {
  const std::array<u32, 4> random = philox(seed, stream, counter);
  const double u = (static_cast<double>(random[0]) + 1.0) * 0x1p-32;
  const double v = static_cast<double>(random[1]) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

i64 columns_of(const std::vector<runtime::TokenHead>& heads) {
  return heads.empty() ? 0 : heads.back().first + heads.back().width();
}

/// "BertModel" -> "Bert".
std::string stem_of(const Json& config) {
  const auto names = config.find("architectures");
  if (names == config.end() || !names->is_array() || names->empty() || !names->front().is_string())
    fail(ErrorCode::unsupported, "the encoder's config.json names no architecture");
  const auto name = names->front().get<std::string>();
  const std::size_t end = std::min(name.rfind("Model"), name.rfind("For"));
  if (end == std::string::npos || end == 0)
    fail(ErrorCode::unsupported, "no head is known for the architecture {}", name);
  return name.substr(0, end);
}

/// The families whose heads are named alike.
enum class Heads { bert, roberta };

Heads heads_of(const Json& config) {
  const std::string stem = stem_of(config);
  if (stem == "Bert" || stem == "MegatronBert") return Heads::bert;
  if (stem == "Roberta" || stem == "XLMRoberta" || stem == "Longformer") return Heads::roberta;
  fail(ErrorCode::unsupported, "no head of this kind is made for {}", stem);
}

/// Makes what a head lacks.
class HeadMaker {
 public:
  HeadMaker(formats::Checkpoint& encoder, u64 seed)
      : encoder_(encoder),
        seed_(seed),
        width_(encoder.config.value("hidden_size", i64{0})),
        range_(encoder.config.value("initializer_range", 0.02f)) {}

  i64 width() const { return width_; }

  void dense(const std::string& name, i64 out) {
    matrix(name + ".weight", {out, width_});
    constant(name + ".bias", out, 0.0f);
  }
  void norm(const std::string& name) {
    constant(name + ".weight", width_, 1.0f);
    constant(name + ".bias", width_, 0.0f);
  }
  void constant(const std::string& name, i64 size, float value) {
    if (!lacks(name, {size})) return;
    encoder_.tensors[name] =
        tensor_of(name, {size}, std::vector<float>(static_cast<std::size_t>(size), value));
  }

 private:
  /// Each matrix that is made has random numbers of its own.
  void matrix(const std::string& name, const Shape& shape) {
    if (!lacks(name, shape)) return;
    ++made_;
    std::vector<float> values(static_cast<std::size_t>(shape.count()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = range_ * normal(seed_, made_, i);
    encoder_.tensors[name] = tensor_of(name, shape, std::move(values));
  }
  bool lacks(const std::string& name, const Shape& shape) const {
    const auto* there = encoder_.find(name);
    return there == nullptr || !(there->shape == shape);
  }

  formats::Checkpoint& encoder_;
  u64 seed_;
  u64 made_ = 0;
  i64 width_;
  float range_;
};

void name_labels(Json& config, const std::vector<std::string>& labels) {
  config["id2label"] = Json::object();
  config["label2id"] = Json::object();
  for (i64 id = 0; id < ssize_of(labels); ++id) {
    const std::string& label = labels[static_cast<std::size_t>(id)];
    config["id2label"][std::to_string(id)] = label;
    config["label2id"][label] = id;
  }
}

}  // namespace

void place_heads(std::vector<runtime::TokenHead>& heads) {
  i64 first = 0;
  for (runtime::TokenHead& head : heads) {
    head.first = first;
    first += head.width();
  }
}

void adopt_transitions(std::vector<runtime::TokenHead>& heads, const Json& config) {
  const i64 columns = ssize_of(models::label_names(config));
  for (const runtime::TokenHead& before : runtime::token_heads(config, columns)) {
    for (runtime::TokenHead& head : heads) {
      if (head.learned && before.learned && before.name == head.name &&
          before.labels == head.labels) {
        head.learned = before.learned;
      }
    }
  }
}

formats::Checkpoint with_token_heads(formats::Checkpoint encoder,
                                     const std::vector<runtime::TokenHead>& heads, u64 seed) {
  Json& config = encoder.config;
  config["architectures"] = {stem_of(config) + "ForTokenClassification"};
  std::vector<std::string> names;
  Json listed = Json::array();
  for (const runtime::TokenHead& head : heads) {
    listed.push_back(runtime::to_json(head));
    for (const std::string& label : head.labels) {
      // One name for each column: "O" of the second head would hide the first's.
      const std::string name = label == "O" && !names.empty() ? "O:" + head.name : label;
      const bool taken = std::ranges::find(names, name) != names.end();
      names.push_back(taken ? name + ":" + head.name : name);
    }
  }
  name_labels(config, names);
  config["medlar_heads"] = listed;
  HeadMaker(encoder, seed).dense("classifier", columns_of(heads));
  return encoder;
}

formats::Checkpoint with_mask_head(formats::Checkpoint encoder, u64 seed) {
  const Heads heads = heads_of(encoder.config);
  encoder.config["architectures"] = {stem_of(encoder.config) + "ForMaskedLM"};
  HeadMaker make(encoder, seed);
  const std::string dense =
      heads == Heads::bert ? "cls.predictions.transform.dense" : "lm_head.dense";
  make.dense(dense, make.width());
  make.norm(heads == Heads::bert ? "cls.predictions.transform.LayerNorm" : "lm_head.layer_norm");
  make.constant(heads == Heads::bert ? "cls.predictions.bias" : "lm_head.bias",
                encoder.config.value("vocab_size", i64{0}), 0.0f);
  return encoder;
}

formats::Checkpoint with_sequence_head(formats::Checkpoint encoder,
                                       const std::vector<std::string>& labels, u64 seed) {
  const Heads heads = heads_of(encoder.config);
  encoder.config["architectures"] = {stem_of(encoder.config) + "ForSequenceClassification"};
  encoder.config["problem_type"] = "single_label_classification";
  name_labels(encoder.config, labels);
  HeadMaker make(encoder, seed);
  make.dense(heads == Heads::bert ? "bert.pooler.dense" : "classifier.dense", make.width());
  make.dense(heads == Heads::bert ? "classifier" : "classifier.out_proj", ssize_of(labels));
  return encoder;
}

formats::StoredTensor tensor_of(const std::string& name, const Shape& shape,
                                std::vector<float> values) {
  const auto kept = std::make_shared<const std::vector<float>>(std::move(values));
  return {.name = name,
          .format = QuantFormat::f32,
          .shape = shape,
          .bytes = std::as_bytes(std::span(*kept)),
          .owner = kept};
}

formats::StoredTensor view_of(const nn::Parameter& parameter, const std::string& name) {
  return {.name = name,
          .format = QuantFormat::f32,
          .shape = parameter.values.shape(),
          .bytes = std::as_bytes(parameter.values.values()),
          .owner = nullptr};
}

void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const auto copy = [&](const std::filesystem::path& file) {
    std::filesystem::copy_file(file, folder / file.filename(),
                               std::filesystem::copy_options::overwrite_existing, error);
    if (error) fail(ErrorCode::io, "cannot copy {}: {}", file.string(), error.message());
  };
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.txt", "vocab.json",
        "merges.txt", "special_tokens_map.json", "chat_template.jinja"}) {
    if (std::filesystem::exists(from / name)) copy(from / name);
  }
  // Of llama2.c the vocabulary lies beside the model's file.
  const std::filesystem::path vocabulary = runtime::tokenizer_path(from);
  if (vocabulary.extension() == ".bin") copy(vocabulary);
}

void write_model(const std::filesystem::path& folder, const Json& config,
                 std::span<const nn::Parameter> parameters,
                 const std::filesystem::path& tokenizer_folder) {
  copy_tokenizer(tokenizer_folder, folder);
  std::vector<formats::StoredTensor> tensors;
  for (const nn::Parameter& parameter : parameters)
    tensors.push_back(view_of(parameter, parameter.name));
  formats::write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
  formats::write_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace medlar::train
