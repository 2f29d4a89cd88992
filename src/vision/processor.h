#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "base/json.h"
#include "vision/resize.h"
#include "vision/smart_resize.h"

namespace medlar::vision {

/// A square picture of a fixed side, as CLIP's and LLaVA's processors cut it.
struct CentreCrop {
  i64 shortest_edge = 336;     ///< after resizing
  i64 crop = 336;              ///< side of the square taken from the middle
  bool pad_to_square = false;  ///< before resizing, with the mean colour (LLaVA)
};

/// How a model wants its pictures, as preprocessor_config.json says.
struct ProcessorConfig {
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};  ///< of values in [0, 1]
  std::array<double, 3> std = {0.26862954, 0.26130258, 0.27577711};
  i64 patch = 14;          ///< side of a patch in pixels
  i64 frames_a_patch = 1;  ///< along time
  i64 merge = 1;           ///< patches of a side that lie together
  SmartResize size;        ///< without a crop
  std::optional<CentreCrop> crop;
  Resampler resampler;
};

/// Reads a preprocessor_config.json of GLM-4.1V to 4.6V, CLIP or LLaVA; what it leaves out is as
/// the reference processor has it. Throws unsupported for other processors and for steps switched
/// off, corrupt_file for values out of range.
ProcessorConfig processor_config(const Json& preprocessor);

/// Pictures as rows of patches.
struct Patches {
  std::vector<float> values;              ///< [rows, channel, frame, row, column]
  i64 width = 0;                          ///< values of a row
  std::vector<std::array<i64, 3>> grids;  ///< patches along time, rows, columns of each picture

  i64 rows() const { return width == 0 ? 0 : ssize_of(values) / width; }
};

/// The picture in the size that the model sees.
Picture fit_picture(const ProcessorConfig& config, const Picture& picture);
/// `picture` in the middle of a square of the mean colour, one pixel up and left where it cannot
/// be.
Picture padded_square(const ProcessorConfig& config, const Picture& picture);

/// (byte - 255 mean) / (255 std) in single precision: [3, height, width].
std::vector<float> normalised(const ProcessorConfig& config, const Picture& picture);

/// Pictures, each shown for all frames of a patch.
Patches process_pictures(const ProcessorConfig& config, std::span<const Picture> pictures);
/// The sampled frames of a video, all of one size; an odd last one is repeated. Throws
/// invalid_argument for frames of different sizes, unsupported for a processor without videos.
Patches process_video(const ProcessorConfig& config, std::span<const Picture> frames);

/// Planes [3, height, width] of one picture cut to patches, row by row. Throws shape_mismatch where
/// the sides are no multiples of the patch.
Patches patches_of_planes(std::span<const float> planes, Size size, i64 patch);

}  // namespace medlar::vision
