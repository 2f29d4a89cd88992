#include "runtime/model_files.h"

#include <algorithm>

#include "base/error.h"
#include "formats/lora_adapter.h"
#include "models/config.h"
#include "models/model.h"
#include "text/load_tokenizer.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;

/// The tok<size>.bin of llama2.c in a folder, the first by name; empty if there is none.
fs::path llama2c_vocabulary(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, none)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("tok") && name.ends_with(".bin")) found.push_back(entry.path());
  }
  return found.empty() ? fs::path() : *std::ranges::min_element(found);
}

/// The vision part of a CLIP configuration, whole or nested.
Json tower_config(const Json& config) {
  const auto nested = config.find("vision_config");
  return nested != config.end() && nested->is_object() ? *nested : config;
}

/// Puts the stock tower's tensors where the family looks first.
void exchange_tower(formats::Checkpoint& checkpoint, const formats::Checkpoint& stock) {
  const models::Family& family = models::family_of(models::model_config(checkpoint));
  if (family.stock_vision.empty()) {
    fail(ErrorCode::unsupported, "a {} model has no vision tower to exchange", family.name);
  }
  constexpr std::string_view scope = "vision_model.";
  for (const auto& [name, tensor] : stock.tensors) {
    if (name.starts_with("text_model.")) continue;
    const std::string own = name.starts_with(scope) ? name.substr(scope.size()) : name;
    checkpoint.tensors[std::string(family.stock_vision) + own] = tensor;
  }
}

}  // namespace

formats::Checkpoint open_model(const fs::path& path, const ModelFiles& files) {
  formats::Checkpoint checkpoint = formats::open_checkpoint(path);
  std::error_code none;
  const fs::path tower = (fs::is_directory(path, none) ? path : path.parent_path()) / "clip";
  const bool has_tower = fs::exists(tower / "config.json", none);
  if (files.vision == VisionWeights::stock && !has_tower)
    fail(ErrorCode::not_found, "{} has no config.json: stock vision weights go there",
         tower.string());
  if (has_tower && !checkpoint.config.contains("vision_config"))
    checkpoint.config["vision_config"] = tower_config(read_json_file(tower / "config.json"));
  if (files.vision == VisionWeights::stock)
    exchange_tower(checkpoint, formats::open_checkpoint(tower));
  for (const fs::path& adapter : files.adapters) formats::apply_lora(checkpoint, adapter);
  return checkpoint;
}

text::Tokenizer tokenizer_of(const fs::path& model) {
  return text::load_tokenizer(tokenizer_path(model));
}

fs::path tokenizer_path(const fs::path& model) {
  std::error_code none;
  const bool is_folder = fs::is_directory(model, none);
  const fs::path folder = is_folder ? model : model.parent_path();
  const bool is_vocabulary = !is_folder && model.filename().string().starts_with("tok");
  if ((is_folder || model.extension() == ".bin") && !is_vocabulary) {
    for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
      if (fs::exists(folder / name, none)) return folder;
    }
    const fs::path vocabulary = llama2c_vocabulary(folder);
    if (!vocabulary.empty()) return vocabulary;
  }
  return model.extension() == ".safetensors" ? folder : model;
}

std::optional<text::ChatTemplate> chat_template_of(const fs::path& model, text::TemplateUse use) {
  try {
    if (model.extension() == ".gguf")
      return text::chat_template_from_gguf(formats::open_checkpoint(model).metadata, use);
    std::error_code none;
    const bool is_template = fs::is_directory(model, none) || model.extension() == ".jinja" ||
                             model.extension() == ".json";
    return text::load_chat_template(is_template ? model : model.parent_path(), use);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    return std::nullopt;
  }
}

text::OutputFormat output_format_of(const text::Tokenizer& tokenizer,
                                    const std::optional<text::ChatTemplate>& chat_template) {
  text::OutputFormat format =
      text::output_format_of(tokenizer, chat_template ? chat_template->source() : "");
  if (!chat_template || !format.thinks) return format;
  text::ChatInput probe;
  probe.messages = Json::array({{{"role", "user"}, {"content", "?"}}});
  probe.add_generation_prompt = text::GenerationPrompt::add;
  probe.kwargs["enable_thinking"] = true;
  probe.bos_token = probe.eos_token = "";
  try {
    if (text::opens_thinking(chat_template->render(probe)))
      format.thinking = text::Thinking::opened_by_prompt;
  } catch (const Error& error) {
    // A template that wants more than a question: nothing is known then.
    if (error.code() == ErrorCode::internal) throw;
  }
  return format;
}

std::vector<i64> stop_ids(const text::Tokenizer& tokenizer, const formats::Checkpoint& checkpoint,
                          const Json& config) {
  std::vector<i64> ids = tokenizer.eos_ids();
  for (const Json* source : {&config, &checkpoint.generation_config}) {
    if (!source->is_object() || !source->contains("eos_token_id")) continue;
    const Json& eos = (*source)["eos_token_id"];
    for (const Json& id : eos.is_array() ? eos : Json::array({eos})) {
      if (id.is_number_integer()) ids.push_back(id.get<i64>());
    }
  }
  // The stories of llama2.c end where the next one would begin.
  if (checkpoint.container == formats::Container::llama2c) {
    ids.push_back(tokenizer.special_ids().bos.value_or(1));
  }
  return ids;
}

}  // namespace medlar::runtime
