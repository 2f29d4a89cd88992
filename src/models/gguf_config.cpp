#include "models/gguf_config.h"

#include "base/error.h"
#include "models/config.h"

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
  config["mlp_bias"] = checkpoint.find("blk.0.ffn_up.bias") != nullptr;
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

/// config.json as "medlar.config" has it: the family, and all that the standard keys do not say.
void add_whole_config(const formats::Checkpoint& checkpoint, Json& config) {
  const auto text = checkpoint.metadata.find("medlar.config");
  if (text == checkpoint.metadata.end() || !text->is_string()) return;
  const Json whole =
      parse_json(text->get_ref<const std::string&>(), checkpoint.path.string() + ": medlar.config");
  if (!whole.is_object()) return;
  for (const auto& [key, value] : whole.items()) {
    if (key == "model_type" || !config.contains(key)) config[key] = value;
  }
}

/// llama.cpp's key for DeepSeek: a tenth of the weight of the logarithm.
void add_yarn_magnitude(const ConfigReader& yarn, const std::string& scaling, Json& metadata) {
  const double mscale = yarn.number_or("mscale", 0.0);
  if (yarn.has("attention_factor") || mscale != yarn.number_or("mscale_all_dim", 0.0))
    fail(ErrorCode::unsupported, "YaRN with magnitudes of its own has no GGUF keys");
  if (mscale != 0.0) metadata[scaling + "yarn_log_multiplier"] = 0.1 * mscale;
}

/// Rotary dimensions of a head, base and scaling. Llama 3's scaling is a tensor there.
void add_gguf_rope(const ConfigReader& c, const std::string& prefix, Json& metadata) {
  if (!c.has("rope_theta") && !c.has("rope_parameters") && !c.has("rope_scaling")) return;
  const i64 head = c.size_or("head_dim", c.size("hidden_size") / c.size("num_attention_heads"));
  const nn::RopeConfig rope = rope_config(c, head);
  metadata[prefix + "rope.freq_base"] = rope.theta;
  if (!c.has("qk_rope_head_dim"))
    metadata[prefix + "rope.dimension_count"] = static_cast<u64>(rope.rotary);
  const std::string scaling = prefix + "rope.scaling.";
  const char* style = c.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  switch (rope.scaling) {
    case nn::RopeScaling::none:
    case nn::RopeScaling::llama3:
      return;
    case nn::RopeScaling::linear:
      metadata[scaling + "type"] = "linear";
      break;
    case nn::RopeScaling::yarn:
      add_yarn_magnitude(ConfigReader(c.json()[style]), scaling, metadata);
      metadata[scaling + "type"] = "yarn";
      metadata[scaling + "yarn_beta_fast"] = rope.beta_fast;
      metadata[scaling + "yarn_beta_slow"] = rope.beta_slow;
      break;
  }
  metadata[scaling + "factor"] = rope.factor;
  metadata[scaling + "original_context_length"] = static_cast<u64>(rope.original_context);
}

}  // namespace

Json config_from_gguf(const formats::Checkpoint& checkpoint) {
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
  add_whole_config(checkpoint, config);
  return config;
}

Json gguf_from_config(const Json& config, std::string_view architecture) {
  const std::string prefix = std::string(architecture) + ".";
  Json metadata = Json::object();
  metadata["general.architecture"] = architecture;
  const ConfigReader c(config);
  for (const auto& [theirs, ours] : gguf_keys) {
    if (c.has(ours)) metadata[prefix + std::string(theirs)] = config[std::string(ours)];
  }
  metadata.erase(prefix + "nextn_predict_layers");  // those blocks are left out
  add_gguf_rope(c, prefix, metadata);
  if (c.has("head_dim") && !c.has("kv_lora_rank"))
    metadata[prefix + "attention.value_length"] = config["head_dim"];
  return metadata;
}

}  // namespace medlar::models
