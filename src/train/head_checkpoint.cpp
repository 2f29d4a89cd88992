#include "train/head_checkpoint.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/rng.h"
#include "formats/pending_file.h"
#include "formats/safetensors.h"
#include "models/config.h"

namespace medlar::train {
namespace {

/// Box and Muller 1958.
float normal(u64 seed, u64 stream, u64 counter) {
  const std::array<u32, 4> random = philox(seed, stream, counter);
  const double u = (static_cast<double>(random[0]) + 1.0) * 0x1p-32;
  const double v = static_cast<double>(random[1]) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

formats::StoredTensor stored(const std::string& name, Shape shape, std::vector<float> values) {
  const auto kept = std::make_shared<const std::vector<float>>(std::move(values));
  return {.name = name,
          .format = QuantFormat::f32,
          .shape = shape,
          .bytes = std::as_bytes(std::span(*kept)),
          .owner = kept};
}

i64 columns_of(const std::vector<runtime::TokenHead>& heads) {
  return heads.empty() ? 0 : heads.back().first + heads.back().width();
}

/// "BertModel" -> "BertForTokenClassification".
std::string classifier_architecture(const Json& config) {
  const auto names = config.find("architectures");
  if (names == config.end() || !names->is_array() || names->empty() || !names->front().is_string())
    fail(ErrorCode::unsupported, "the encoder's config.json names no architecture");
  const auto name = names->front().get<std::string>();
  const std::size_t end = std::min(name.rfind("Model"), name.rfind("For"));
  if (end == std::string::npos || end == 0)
    fail(ErrorCode::unsupported, "no token classifier is known for the architecture {}", name);
  return name.substr(0, end) + "ForTokenClassification";
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
  config["architectures"] = {classifier_architecture(config)};
  Json by_id = Json::object();
  Json by_label = Json::object();
  Json listed = Json::array();
  for (const runtime::TokenHead& head : heads) {
    listed.push_back(runtime::to_json(head));
    for (const std::string& label : head.labels) {
      const i64 id = ssize_of(by_id);
      // One name for each column: "O" of the second head would hide the first's.
      const std::string name = label == "O" && id > 0 ? "O:" + head.name : label;
      by_id[std::to_string(id)] = by_label.contains(name) ? name + ":" + head.name : name;
      by_label[by_id[std::to_string(id)].get<std::string>()] = id;
    }
  }
  config["id2label"] = by_id;
  config["label2id"] = by_label;
  config["medlar_heads"] = listed;
  const i64 columns = columns_of(heads);
  const i64 width = config.value("hidden_size", i64{0});
  const auto* there = encoder.find("classifier.weight");
  if (there != nullptr && there->shape == Shape{columns, width}) return encoder;
  std::vector<float> weights(static_cast<std::size_t>(columns * width));
  const auto range = static_cast<float>(config.value("initializer_range", 0.02));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = range * normal(seed, 1, i);
  encoder.tensors["classifier.weight"] =
      stored("classifier.weight", {columns, width}, std::move(weights));
  encoder.tensors["classifier.bias"] = stored(
      "classifier.bias", {columns}, std::vector<float>(static_cast<std::size_t>(columns), 0.0f));
  return encoder;
}

void write_model(const std::filesystem::path& folder, const Json& config,
                 std::span<const nn::Parameter> parameters,
                 const std::filesystem::path& tokenizer_folder) {
  std::filesystem::create_directories(folder);
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"}) {
    if (std::filesystem::exists(tokenizer_folder / name)) {
      std::filesystem::copy_file(tokenizer_folder / name, folder / name,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  std::vector<formats::StoredTensor> tensors;
  for (const nn::Parameter& parameter : parameters) {
    tensors.push_back({.name = parameter.name,
                       .format = QuantFormat::f32,
                       .shape = parameter.values.shape(),
                       .bytes = std::as_bytes(parameter.values.values()),
                       .owner = nullptr});
  }
  formats::write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
  formats::write_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace medlar::train
