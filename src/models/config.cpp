#include "models/config.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "models/model.h"

namespace medlar::models {
namespace {

/// GGUF keys after "<architecture>." and their names in config.json (gguf.md, "standardized
/// key-value pairs").
constexpr std::pair<std::string_view, std::string_view> gguf_keys[] = {
    {"vocab_size", "vocab_size"},
    {"context_length", "max_position_embeddings"},
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.key_length", "head_dim"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"attention.sliding_window", "sliding_window"},
    {"attention.q_lora_rank", "q_lora_rank"},
    {"attention.kv_lora_rank", "kv_lora_rank"},
    {"attention.key_length_mla", "qk_head_dim"},
    {"attention.value_length", "v_head_dim"},
    {"attention.value_length_mla", "v_head_dim"},
    {"rope.dimension_count", "qk_rope_head_dim"},
    {"rope.freq_base", "rope_theta"},
    {"pooling_type", "pooling_type"},
    {"expert_count", "n_routed_experts"},
    {"expert_count", "num_local_experts"},
    {"expert_used_count", "num_experts_per_tok"},
    {"expert_shared_count", "n_shared_experts"},
    {"expert_feed_forward_length", "moe_intermediate_size"},
    {"expert_group_count", "n_group"},
    {"expert_group_used_count", "topk_group"},
    {"expert_weights_scale", "routed_scaling_factor"},
    {"expert_weights_norm", "norm_topk_prob"},
    {"leading_dense_block_count", "first_k_dense_replace"},
    {"nextn_predict_layers", "num_nextn_predict_layers"},
};

/// What config.json states and GGUF leaves to its tensors and sizes.
void add_gguf_shapes(const formats::Checkpoint& checkpoint, Json& config) {
  const ConfigReader c(config);
  config["attention_bias"] = checkpoint.find("blk.0.attn_q.bias") != nullptr;
  config["use_qk_norm"] = checkpoint.find("blk.0.attn_q_norm.weight") != nullptr;
  // The blocks that predict further tokens count as layers there.
  const i64 extra = c.count_or("num_nextn_predict_layers", 0);
  if (extra > 0 && c.size("num_hidden_layers") > extra)
    config["num_hidden_layers"] = c.size("num_hidden_layers") - extra;
  if (c.has("head_dim") && c.has("qk_rope_head_dim")) {
    config["partial_rotary_factor"] =
        static_cast<double>(c.size("qk_rope_head_dim")) / static_cast<double>(c.size("head_dim"));
  }
  if (c.has("kv_lora_rank")) {
    config["qk_nope_head_dim"] =
        c.size_or("qk_head_dim", c.size("head_dim")) - c.size("qk_rope_head_dim");
    config["partial_rotary_factor"] = 1.0;
  }
}

Json from_gguf(const formats::Checkpoint& checkpoint) {
  const Json& metadata = checkpoint.metadata;
  if (!metadata.contains("general.architecture") || !metadata["general.architecture"].is_string()) {
    fail(ErrorCode::corrupt_file, "{}: no general.architecture", checkpoint.path.string());
  }
  const std::string architecture = metadata["general.architecture"];
  Json config = Json::object();
  config["model_type"] = architecture;
  for (const auto& [theirs, ours] : gguf_keys) {
    const std::string key = architecture + "." + std::string(theirs);
    if (metadata.contains(key)) config[std::string(ours)] = metadata[key];
  }
  const auto copy = [&](const std::string& from, Json& to, const char* name) {
    if (metadata.contains(from)) to[name] = metadata[from];
  };
  const std::string scaling = architecture + ".rope.scaling.";
  if (metadata.contains(scaling + "type") && metadata[scaling + "type"] != "none") {
    Json rope = Json::object();
    copy(scaling + "type", rope, "rope_type");
    copy(scaling + "factor", rope, "factor");
    copy(scaling + "original_context_length", rope, "original_max_position_embeddings");
    copy(scaling + "yarn_beta_fast", rope, "beta_fast");
    copy(scaling + "yarn_beta_slow", rope, "beta_slow");
    if (metadata.contains(scaling + "yarn_log_multiplier") &&
        metadata[scaling + "yarn_log_multiplier"].is_number()) {
      // gguf.md of llama.cpp's DeepSeek: 0.1 times mscale_all_dim, which equals mscale.
      const double mscale = metadata[scaling + "yarn_log_multiplier"].get<double>() / 0.1;
      rope["mscale"] = rope["mscale_all_dim"] = mscale;
    }
    // The file cannot say that the bounds are not rounded; gpt-oss was trained so.
    if (architecture == "gpt-oss") rope["truncate"] = false;
    config["rope_scaling"] = rope;
  }
  add_gguf_shapes(checkpoint, config);
  copy("tokenizer.ggml.bos_token_id", config, "bos_token_id");
  copy("tokenizer.ggml.eos_token_id", config, "eos_token_id");
  if (const auto* table = checkpoint.find("token_embd.weight");
      table != nullptr && table->shape.rank() == 2) {
    config["vocab_size"] = table->shape[0];
  }
  if (const auto* types = checkpoint.find("token_types.weight");
      types != nullptr && types->shape.rank() == 2) {
    config["type_vocab_size"] = types->shape[0];
  }
  config["tie_word_embeddings"] = checkpoint.find("output.weight") == nullptr;
  return config;
}

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
  if (checkpoint.container == formats::Container::gguf) return from_gguf(checkpoint);
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
