#pragma once

#include <filesystem>

#include "base/json.h"
#include "train/adamw.h"

namespace medlar::train {

/// Writes parameters, moments and `progress` to one file that appears when it is complete. Throws
/// io.
void save_state(const std::filesystem::path& file, const AdamW& optimizer, const Json& progress);

/// Reads them back, bit for bit; returns `progress`. Throws corrupt_file and shape_mismatch for a
/// file of another model.
Json load_state(const std::filesystem::path& file, AdamW& optimizer);

}  // namespace medlar::train
