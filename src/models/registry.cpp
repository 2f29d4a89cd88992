#include <algorithm>

#include "base/error.h"
#include "models/config.h"
#include "models/model.h"

namespace medlar::models {

const Family& bert_family();
const Family& deepseek_v3_family();
const Family& distilbert_family();
const Family& electra_family();
const Family& eurobert_family();
const Family& glm4_moe_family();
const Family& glm4v_family();
const Family& glm4v_moe_family();
const Family& gpt2_family();
const Family& gpt_oss_family();
const Family& llama_family();
const Family& llava_family();
const Family& megatron_bert_family();
const Family& mistral_family();
const Family& modernbert_family();
const Family& privacy_filter_family();
const Family& qwen2_family();
const Family& qwen3_family();
const Family& roberta_family();

std::span<const Family* const> all_families() {
  static const Family* const families[] = {
&bert_family(), &deepseek_v3_family(), &distilbert_family(), &electra_family(), &eurobert_family(), &glm4_moe_family(), &glm4v_family(), &glm4v_moe_family(), &gpt2_family(), &gpt_oss_family(), &llama_family(), &llava_family(), &megatron_bert_family(), &mistral_family(), &modernbert_family(), &privacy_filter_family(), &qwen2_family(), &qwen3_family(), &roberta_family(),
  };
  return families;
}

const Family& family_of(const Json& config) {
  const std::string type = ConfigReader(config).text_or("model_type", "");
  std::string known;
  for (const Family* family : all_families()) {
    if (std::ranges::find(family->model_types, type) != family->model_types.end()) return *family;
    known += (known.empty() ? "" : ", ") + std::string(family->name);
  }
  if (type.empty())
    fail(ErrorCode::unsupported, "the configuration names no model_type (known: {})", known);
  fail(ErrorCode::unsupported, "no family for model_type '{}' (known: {})", type, known);
}

}  // namespace medlar::models
