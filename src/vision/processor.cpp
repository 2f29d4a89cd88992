// The picture processors of GLM-V, CLIP and LLaVA: fit, normalise, cut to patches.
#include "vision/processor.h"

#include <algorithm>

#include "base/error.h"

namespace medlar::vision {
namespace {

using Grid = std::array<i64, 3>;

/// Rows of patches of one stretch of frames. Patches that are merged later lie one after the other
/// (Wang et al. 2024, arXiv 2409.12191, section 2.1).
class PatchWriter {
 public:
  PatchWriter(Patches& out, const ProcessorConfig& config, Size size)
      : out_(out), p_(config.patch), merge_(config.merge), size_(size) {
    if (size.height % (p_ * merge_) != 0 || size.width % (p_ * merge_) != 0) {
      fail(ErrorCode::shape_mismatch, "{} x {} pixels are no whole patches of {}, {} merged a side",
           size.height, size.width, p_, merge_);
    }
  }

  /// frames: planes [3, height, width], earlier ones first.
  void write(std::span<const std::span<const float>> frames) {
    const i64 rows = size_.height / p_;
    const i64 columns = size_.width / p_;
    for (i64 r = 0; r < rows; r += merge_) {
      for (i64 c = 0; c < columns; c += merge_) {
        for (i64 k = 0; k < merge_ * merge_; ++k)
          write_patch(frames, r + k / merge_, c + k % merge_);
      }
    }
  }

 private:
  void write_patch(std::span<const std::span<const float>> frames, i64 row, i64 column) {
    for (i64 channel = 0; channel < 3; ++channel) {
      for (const std::span<const float> planes : frames) {
        const float* from =
            planes.data() + (channel * size_.height + row * p_) * size_.width + column * p_;
        for (i64 y = 0; y < p_; ++y, from += size_.width)
          out_.values.insert(out_.values.end(), from, from + p_);
      }
    }
  }

  Patches& out_;
  i64 p_;
  i64 merge_;
  Size size_;
};

Size size_of(const Picture& picture) { return {picture.height, picture.width}; }

Grid grid_of(const ProcessorConfig& config, Size size, i64 slices) {
  return {slices, size.height / config.patch, size.width / config.patch};
}

/// Shortest edge first, then the middle.
Picture cropped(const CentreCrop& crop, const Resampler& resampler, const Picture& picture) {
  const i64 shorter = std::min(picture.height, picture.width);
  const i64 longer = std::max(picture.height, picture.width);
  const i64 long_edge = crop.shortest_edge * longer / shorter;
  const bool tall = picture.height > picture.width;
  const Picture resized = resize_bicubic(picture, tall ? long_edge : crop.shortest_edge,
                                         tall ? crop.shortest_edge : long_edge, resampler);
  const i64 top = (resized.height - crop.crop) / 2;
  const i64 left = (resized.width - crop.crop) / 2;
  Picture out = {.height = crop.crop, .width = crop.crop, .rgb = {}};
  for (i64 r = 0; r < crop.crop; ++r) {
    const u8* from = resized.rgb.data() + ((top + r) * resized.width + left) * 3;
    out.rgb.insert(out.rgb.end(), from, from + crop.crop * 3);
  }
  return out;
}

Picture smartly_resized(const ProcessorConfig& config, const Picture& picture, i64 frames) {
  const Size size = smart_resize(frames, size_of(picture), config.size);
  return resize_bicubic(picture, size.height, size.width, config.resampler);
}

}  // namespace

Picture padded_square(const ProcessorConfig& config, const Picture& picture) {
  const i64 side = std::max(picture.height, picture.width);
  if (side > formats::picture_pixels_limit / side) {
    fail(ErrorCode::limit_exceeded, "a square around {} x {} pixels is over the limit of {}",
         picture.height, picture.width, formats::picture_pixels_limit);
  }
  Picture out = {.height = side, .width = side, .rgb = {}};
  out.rgb.reserve(static_cast<std::size_t>(side * side * 3));
  for (i64 i = 0; i < side * side; ++i) {
    for (const double mean : config.mean) out.rgb.push_back(static_cast<u8>(mean * 255.0));
  }
  const i64 top = (side - picture.height) / 2;
  const i64 left = (side - picture.width) / 2;
  for (i64 r = 0; r < picture.height; ++r) {
    std::copy_n(picture.rgb.data() + r * picture.width * 3, picture.width * 3,
                out.rgb.data() + ((top + r) * side + left) * 3);
  }
  return out;
}

Picture fit_picture(const ProcessorConfig& config, const Picture& picture) {
  if (!config.crop) return smartly_resized(config, picture, config.frames_a_patch);
  return cropped(*config.crop, config.resampler,
                 config.crop->pad_to_square ? padded_square(config, picture) : picture);
}

std::vector<float> normalised(const ProcessorConfig& config, const Picture& picture) {
  const i64 pixels = picture.height * picture.width;
  std::vector<float> planes;
  planes.reserve(static_cast<std::size_t>(pixels * 3));
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const float mean = static_cast<float>(config.mean[channel]) * 255.0f;
    const float std = static_cast<float>(config.std[channel]) * 255.0f;
    float value_of[256];
    for (int byte = 0; byte < 256; ++byte) value_of[byte] = (static_cast<float>(byte) - mean) / std;
    const u8* from = picture.rgb.data() + channel;
    for (i64 i = 0; i < pixels; ++i) planes.push_back(value_of[from[i * 3]]);
  }
  return planes;
}

Patches process_pictures(const ProcessorConfig& config, std::span<const Picture> pictures) {
  Patches patches = {
      .values = {}, .width = 3 * config.frames_a_patch * config.patch * config.patch, .grids = {}};
  for (const Picture& picture : pictures) {
    const Picture fitted = fit_picture(config, picture);
    const std::vector<float> planes = normalised(config, fitted);
    const std::vector<std::span<const float>> frames(
        static_cast<std::size_t>(config.frames_a_patch), std::span<const float>(planes));
    PatchWriter(patches, config, size_of(fitted)).write(frames);
    patches.grids.push_back(grid_of(config, size_of(fitted), 1));
  }
  return patches;
}

Patches process_video(const ProcessorConfig& config, std::span<const Picture> frames) {
  if (config.crop) fail(ErrorCode::unsupported, "this processor takes no videos");
  if (frames.empty()) fail(ErrorCode::invalid_argument, "a video without frames");
  const Size size = smart_resize(ssize_of(frames), size_of(frames.front()), config.size);
  std::vector<std::vector<float>> planes;
  for (const Picture& frame : frames) {
    if (frame.height != frames.front().height || frame.width != frames.front().width)
      fail(ErrorCode::invalid_argument, "the frames of a video differ in size");
    planes.push_back(
        normalised(config, resize_bicubic(frame, size.height, size.width, config.resampler)));
  }
  while (ssize_of(planes) % config.frames_a_patch != 0) planes.push_back(planes.back());
  Patches patches = {
      .values = {}, .width = 3 * config.frames_a_patch * config.patch * config.patch, .grids = {}};
  PatchWriter writer(patches, config, size);
  const i64 slices = ssize_of(planes) / config.frames_a_patch;
  for (i64 s = 0; s < slices; ++s) {
    const auto first = planes.begin() + s * config.frames_a_patch;
    const std::vector<std::span<const float>> together(first, first + config.frames_a_patch);
    writer.write(together);
  }
  patches.grids.push_back(grid_of(config, size, slices));
  return patches;
}

Patches patches_of_planes(std::span<const float> planes, Size size, i64 patch) {
  MEDLAR_CHECK(ssize_of(planes) == 3 * size.height * size.width);
  ProcessorConfig config;
  config.patch = patch;
  Patches patches = {.values = {}, .width = 3 * patch * patch, .grids = {}};
  PatchWriter(patches, config, size).write({&planes, 1});
  patches.grids.push_back(grid_of(config, size, 1));
  return patches;
}

}  // namespace medlar::vision
