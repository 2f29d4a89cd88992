#include "models/config.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "models/gguf_config.h"
#include "models/model.h"

namespace medlar::models {
namespace {

double number_in(const Json& object, const char* key, double otherwise) {
  return ConfigReader(object).number_or(key, otherwise);
}

/// Peng et al. 2023, section 3.4, with DeepSeek's weight of the logarithm.
double yarn_magnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

/// Multiplier of cosine and sine.
double yarn_attention_factor(const Json& scaling, double factor) {
  if (ConfigReader(scaling).has("attention_factor"))
    return number_in(scaling, "attention_factor", 1.0);
  const double mscale = number_in(scaling, "mscale", 0.0);
  const double mscale_all = number_in(scaling, "mscale_all_dim", 0.0);
  return mscale != 0.0 && mscale_all != 0.0
             ? yarn_magnitude(factor, mscale) / yarn_magnitude(factor, mscale_all)
             : yarn_magnitude(factor, 1.0);
}

/// Multiplier of q.k in DeepSeek's attention.
double yarn_score_factor(const Json& scaling, double factor) {
  const double mscale_all = number_in(scaling, "mscale_all_dim", 0.0);
  const double magnitude = mscale_all != 0.0 ? yarn_magnitude(factor, mscale_all) : 1.0;
  return magnitude * magnitude;
}

}  // namespace

Json model_config(const formats::Checkpoint& checkpoint) {
  if (checkpoint.container == formats::Container::gguf) return config_from_gguf(checkpoint);
  const Json& config = checkpoint.config;
  if (!config.is_object() || config.empty()) {
    fail(ErrorCode::not_found, "{} has no config.json", checkpoint.path.string());
  }
  if (config.contains("model_type")) return config;
  for (const Family* family : all_families()) {
    if (family->adopt == nullptr) continue;
    if (Json adopted = family->adopt(config); !adopted.is_null()) return adopted;
  }
  return config;
}

const Json* ConfigReader::find(std::string_view key) const {
  const auto found = config_->find(std::string(key));
  return found == config_->end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(std::string_view key) const { return find(key) != nullptr; }

i64 ConfigReader::size(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) fail(ErrorCode::corrupt_file, "config: {} is missing", key);
  constexpr i64 most = i64{1} << 31;
  if (!value->is_number_integer() || value->get<i64>() < 1 || value->get<i64>() > most) {
    fail(ErrorCode::corrupt_file, "config: {} must be a whole number in [1, 2^31]", key);
  }
  return value->get<i64>();
}

i64 ConfigReader::size_or(std::string_view key, i64 otherwise) const {
  return has(key) ? size(key) : otherwise;
}

i64 ConfigReader::count_or(std::string_view key, i64 otherwise) const {
  const Json* value = find(key);
  return value != nullptr && *value == 0 ? 0 : size_or(key, otherwise);
}

double ConfigReader::number_or(std::string_view key, double otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    fail(ErrorCode::corrupt_file, "config: {} must be a finite number", key);
  }
  return value->get<double>();
}

bool ConfigReader::flag_or(std::string_view key, bool otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) fail(ErrorCode::corrupt_file, "config: {} must be true or false", key);
  return value->get<bool>();
}

std::string ConfigReader::text_or(std::string_view key, std::string_view otherwise) const {
  const Json* value = find(key);
  if (value == nullptr) return std::string(otherwise);
  if (!value->is_string()) fail(ErrorCode::corrupt_file, "config: {} must be a string", key);
  return value->get<std::string>();
}

nn::RopeConfig rope_config(const ConfigReader& config, i64 head_size, double partial_default) {
  const Json& json = config.json();
  const char* style = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  const Json scaling = config.has(style) && json[style].is_object() ? json[style] : Json::object();
  const ConfigReader reader(scaling);
  const double partial = reader.number_or(
      "partial_rotary_factor", config.number_or("partial_rotary_factor", partial_default));
  nn::RopeConfig rope;
  rope.rotary = static_cast<i64>(static_cast<double>(head_size) * partial);
  rope.theta = reader.number_or("rope_theta", config.number_or("rope_theta", 10000.0));
  rope.factor = reader.number_or("factor", 1.0);
  rope.original_context =
      reader.number_or("original_max_position_embeddings",
                       static_cast<double>(config.size_or("max_position_embeddings", 2048)));
  const std::string type = reader.text_or("rope_type", reader.text_or("type", "default"));
  if (type == "linear") {
    rope.scaling = nn::RopeScaling::linear;
  } else if (type == "llama3") {
    rope.scaling = nn::RopeScaling::llama3;
    rope.low_frequency_factor = reader.number_or("low_freq_factor", 1.0);
    rope.high_frequency_factor = reader.number_or("high_freq_factor", 4.0);
  } else if (type == "yarn") {
    rope.scaling = nn::RopeScaling::yarn;
    rope.beta_fast = reader.number_or("beta_fast", 32.0);
    rope.beta_slow = reader.number_or("beta_slow", 1.0);
    rope.truncate = reader.flag_or("truncate", true);
    rope.attention_factor = yarn_attention_factor(scaling, rope.factor);
    rope.score_factor = yarn_score_factor(scaling, rope.factor);
  } else if (type != "default") {
    fail(ErrorCode::unsupported,
         "rope scaling '{}' is not supported (default, linear, llama3, yarn are)", type);
  }
  if (reader.has("mrope_section")) {
    const Json& sections = scaling["mrope_section"];
    i64 pairs = 0;
    for (std::size_t axis = 0; axis < 3 && sections.is_array() && sections.size() == 3; ++axis) {
      if (!sections[axis].is_number_integer()) break;
      rope.sections[axis] = std::clamp(sections[axis].get<i64>(), i64{0}, rope.rotary);
      pairs += rope.sections[axis];
    }
    if (pairs != rope.rotary / 2) {
      fail(ErrorCode::corrupt_file, "config: mrope_section must be three numbers that sum to {}",
           rope.rotary / 2);
    }
  }
  if (rope.theta <= 0.0 || rope.factor <= 0.0 || rope.original_context <= 0.0) {
    fail(ErrorCode::corrupt_file, "config: rope theta, factor and context must be positive");
  }
  return rope;
}

namespace {

void check_layers(i64 layers) {
  if (layers > 1 << 16) fail(ErrorCode::corrupt_file, "config: {} layers are absurd", layers);
}

/// "layer_types" if the file lists them.
const Json* layer_types(const ConfigReader& config, i64 layers) {
  const auto types = config.json().find("layer_types");
  if (types == config.json().end() || !types->is_array()) return nullptr;
  if (ssize_of(*types) != layers) {
    fail(ErrorCode::corrupt_file, "config: layer_types has {} entries for {} layers", types->size(),
         layers);
  }
  return &*types;
}

}  // namespace

std::vector<i64> layer_windows(const ConfigReader& config, i64 layers) {
  check_layers(layers);
  std::vector<i64> windows(static_cast<std::size_t>(layers), 0);
  if (!config.flag_or("use_sliding_window", false)) return windows;
  const i64 window = config.size_or("sliding_window", 4096);
  const i64 first = static_cast<i64>(config.number_or("max_window_layers", 28.0));
  const Json* types = layer_types(config, layers);
  for (i64 i = 0; i < layers; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const bool slides = types != nullptr ? (*types)[at] == "sliding_attention" : i >= first;
    if (slides) windows[at] = window;
  }
  return windows;
}

std::vector<i64> alternating_windows(const ConfigReader& config, i64 layers, i64 otherwise) {
  check_layers(layers);
  const i64 window = config.size_or("sliding_window", otherwise);
  const Json* types = layer_types(config, layers);
  std::vector<i64> windows;
  for (i64 i = 0; i < layers; ++i) {
    const bool slides = types != nullptr
                            ? (*types)[static_cast<std::size_t>(i)] == "sliding_attention"
                            : i % 2 == 0;
    windows.push_back(slides ? window : 0);
  }
  return windows;
}

std::vector<std::string> label_names(const Json& config) {
  std::vector<std::string> names;
  const auto labels = config.find("id2label");
  if (labels != config.end() && labels->is_object()) {
    for (std::size_t i = 0; i < labels->size(); ++i) {
      const auto label = labels->find(std::to_string(i));
      if (label == labels->end() || !label->is_string()) {
        fail(ErrorCode::corrupt_file, "config: id2label must name every id from 0 to {}",
             labels->size() - 1);
      }
      names.push_back(label->get<std::string>());
    }
    return names;
  }
  const i64 count = ConfigReader(config).size_or("num_labels", 0);
  if (count > 1 << 20) fail(ErrorCode::corrupt_file, "config: num_labels of {} is absurd", count);
  for (i64 i = 0; i < count; ++i) names.push_back(fmt::format("LABEL_{}", i));
  return names;
}

std::string architecture(const Json& config) {
  const auto found = config.find("architectures");
  if (found == config.end() || !found->is_array() || found->empty() || !found->front().is_string())
    return "";
  return found->front().get<std::string>();
}

}  // namespace medlar::models
