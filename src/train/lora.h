#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "nn/weights.h"
#include "runtime/runner.h"

/// Low-rank adapters: the base stays as it is, beside its matrices W small ones are trained, W + s
/// B A (Hu et al. 2021, arXiv 2106.09685).
namespace medlar::train {

struct LoraOptions {
  i64 rank = 0;                           ///< 0: no adapters
  double alpha = 16.0;                    ///< s = alpha / rank
  std::vector<std::string> targets = {};  ///< last names of the linear maps: "q_proj", "query"

  double scale() const { return alpha / static_cast<double>(rank); }
};

/// Adds "<name>.lora_A.weight", uniform in +- 1 / sqrt(in), and "<name>.lora_B.weight", 0, for each
/// linear map of the model whose name ends in a target. Throws invalid_argument for a target that
/// is none, unsupported for a matrix that the container stores in another form, or a base without
/// the names of Hugging Face.
void add_adapters(formats::Checkpoint& checkpoint, const LoraOptions& options, u64 seed);

/// Throws invalid_argument where a target was no linear map that the model multiplies by.
void check_adapters(const runtime::Runner& runner);

/// A PEFT folder: adapter_config.json, adapter_model.safetensors, and the configuration and
/// tokenizer of the tuned model.
struct AdapterOutput {
  LoraOptions options;
  std::filesystem::path base;
  std::vector<std::string> whole;  ///< modules that are saved whole
};

/// Throws io.
void write_adapter(const std::filesystem::path& folder, const AdapterOutput& output,
                   const Json& config, std::span<const nn::Parameter> parameters);

}  // namespace medlar::train
