#pragma once

#include <filesystem>
#include <vector>

#include "runtime/conformance.h"

namespace medlar::runtime {

/// Runs vectors of picture processing: a case (a folder with case.json and its pictures), size
/// rules (smart_resize.csv), sampled frames (video_sampling.json), positions of prompts and patches
/// (language.safetensors, vision.safetensors), or a folder with any of these below it. Empty where
/// there is nothing of the kind.
std::vector<VectorResult> verify_image_golden(const std::filesystem::path& golden);

/// The parts of the above, one a kind of file; each adds to results.
void verify_picture_case(const std::filesystem::path& folder, std::vector<VectorResult>& results);
void verify_prompt_positions(const std::filesystem::path& file, std::vector<VectorResult>& results);
void verify_patch_positions(const std::filesystem::path& file, std::vector<VectorResult>& results);

}  // namespace medlar::runtime
