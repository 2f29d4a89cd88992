#pragma once

#include <filesystem>

#include "formats/checkpoint.h"

namespace medlar::formats {

/// Puts a PEFT adapter (a folder with adapter_config.json and adapter_model.safetensors or .bin) on
/// a checkpoint: each matrix W that it changes becomes W + s B A, to be computed when a model asks
/// for it, with s = lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora (Hu et al. 2021, arXiv
/// 2106.09685; Kalajdzievski 2023, arXiv 2312.03732); DoRA scales its rows to the learned lengths
/// (Liu et al. 2024, arXiv 2402.09353); whole modules that it saved replace the base's or are added
/// to it. A config.json in the folder says what the task's labels and heads are. Throws not_found,
/// corrupt_file, unsupported (another kind of adapter, a base whose names are not those of Hugging
/// Face).
void apply_lora(Checkpoint& base, const std::filesystem::path& adapter);

}  // namespace medlar::formats
