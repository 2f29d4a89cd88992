#pragma once

#include <optional>

#include "formats/safetensors.h"
#include "runtime/runner.h"

namespace medlar::runtime {

/// Pictures of input i in a file of vectors: pixel_rows_i [rows, values] with grid_thw_i [n, 3], or
/// pixel_values_i [3, H, W] or [n, 3, H, W] to be cut to the model's patches. None where the file
/// has neither. Throws shape_mismatch, unsupported.
std::optional<ImageInput> image_input(Runner& runner, const formats::SafetensorsFile& file, i64 i);

}  // namespace medlar::runtime
