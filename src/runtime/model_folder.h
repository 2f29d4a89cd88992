#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "runtime/text_runs.h"

namespace medlar::runtime {

/// How a model folder is written.
struct FolderOptions {
  i64 shard_bytes = i64{5} << 30;  ///< of tensors in one file
  /// What made the tensors. A folder that was begun with the same recipe is gone on with: its whole
  /// files stay. One that was begun with another is refused.
  std::string recipe;
  OnProgress progress = [](i64, i64) {};  ///< in bytes
};

/// Writes config.json, safetensors (with an index where there are several files) and a copy of the
/// files of `source` that say more of the model: tokenizer, chat template, generation. Tensors are
/// made one at a time; every file appears under its name only when complete. Throws
/// invalid_argument for a folder of another recipe, and io.
void write_model_folder(const std::filesystem::path& folder, const Json& config,
                        std::span<const formats::StoredTensor> tensors,
                        const std::filesystem::path& source, const FolderOptions& options);

}  // namespace medlar::runtime
