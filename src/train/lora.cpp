#include "train/lora.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "formats/pending_file.h"
#include "formats/safetensors.h"
#include "train/head_checkpoint.h"

namespace medlar::train {
namespace {

constexpr std::string_view matrix_end = ".weight";

bool is_named(std::string_view name, std::string_view target) {
  return name == target || (name.ends_with(target) && name[name.size() - target.size() - 1] == '.');
}

void check_storage(const nn::Use& use) {
  const bool plain = use.stored.stored == nn::Stored::as_is && use.stored.rows == nn::Rows::all &&
                     use.count == 1 && use.stack.empty();
  if (!plain)
    fail(ErrorCode::unsupported, "{} is stored in a form that takes no adapter", use.name);
}

/// Uniform in +- bound.
std::vector<float> uniform_values(i64 count, double bound, u64 seed, u64 stream) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double drawn = static_cast<double>(uniform(seed, stream, i));
    values[i] = static_cast<float>(bound * (2.0 * drawn - 1.0));
  }
  return values;
}

}  // namespace

void add_adapters(formats::Checkpoint& checkpoint, const LoraOptions& options, u64 seed) {
  if (checkpoint.container != formats::Container::huggingface)
    fail(ErrorCode::unsupported, "adapters go on a base with the names of Hugging Face, not {}",
         checkpoint.path.string());
  const std::unique_ptr<comm::Comm> solo = comm::solo();
  // Shapes and names alone: nothing of the base is read.
  const runtime::Runner shapes(checkpoint, *solo, {.isa = "meta"});
  std::set<std::string> missing(options.targets.begin(), options.targets.end());
  u64 stream = u64{1} << 40;
  for (const nn::Use& use : shapes.uses()) {
    if (!use.name.ends_with(matrix_end) || use.shape.rank() != 2) continue;
    const std::string name = use.name.substr(0, use.name.size() - matrix_end.size());
    const auto target = std::ranges::find_if(
        options.targets, [&](const std::string& wanted) { return is_named(name, wanted); });
    if (target == options.targets.end()) continue;
    check_storage(use);
    missing.erase(*target);
    const i64 out = use.shape[0];
    const i64 in = use.shape[1];
    const std::string a = name + ".lora_A.weight";
    const std::string b = name + ".lora_B.weight";
    const double bound = 1.0 / std::sqrt(static_cast<double>(in));
    checkpoint.tensors[a] =
        tensor_of(a, {options.rank, in}, uniform_values(options.rank * in, bound, seed, stream++));
    checkpoint.tensors[b] = tensor_of(
        b, {out, options.rank}, std::vector<float>(static_cast<std::size_t>(out * options.rank)));
  }
  if (!missing.empty())
    fail(ErrorCode::invalid_argument, "lora: the model has no linear map called {}",
         *missing.begin());
}

void check_adapters(const runtime::Runner& runner) {
  for (const std::string& name : runner.unused_tensors()) {
    if (name.ends_with(".lora_A.weight"))
      fail(ErrorCode::invalid_argument, "lora: {} is for no linear map", name);
  }
}

void write_adapter(const std::filesystem::path& folder, const AdapterOutput& output,
                   const Json& config, std::span<const nn::Parameter> parameters) {
  copy_tokenizer(output.base, folder);
  std::vector<formats::StoredTensor> tensors;
  for (const nn::Parameter& parameter : parameters)
    tensors.push_back(view_of(parameter, "base_model.model." + parameter.name));
  formats::write_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  const Json adapter = {{"peft_type", "LORA"},
                        {"task_type", nullptr},
                        {"base_model_name_or_path", output.base.string()},
                        {"r", output.options.rank},
                        {"lora_alpha", output.options.alpha},
                        {"lora_dropout", 0.0},
                        {"target_modules", output.options.targets},
                        {"modules_to_save", output.whole.empty() ? Json() : Json(output.whole)},
                        {"bias", "none"},
                        {"fan_in_fan_out", false},
                        {"use_rslora", false},
                        {"use_dora", false},
                        {"inference_mode", true}};
  formats::write_file(folder / "adapter_config.json", adapter.dump(2) + "\n");
  formats::write_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace medlar::train
