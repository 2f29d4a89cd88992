#include "runtime/image_inputs.h"

#include <cmath>

#include "base/error.h"
#include "formats/tensor_values.h"
#include "vision/processor.h"

namespace medlar::runtime {
namespace {

using formats::StoredTensor;

const StoredTensor* find(const formats::SafetensorsFile& file, std::string_view name, i64 i) {
  const auto found = file.tensors.find(fmt::format("{}_{}", name, i));
  return found == file.tensors.end() ? nullptr : &found->second;
}

std::vector<models::Grid> grids_of(const StoredTensor& stored) {
  if (stored.shape.rank() != 2 || stored.shape[1] != 3) {
    fail(ErrorCode::shape_mismatch, "{} has shape {}, expected [n, 3]", stored.name,
         stored.shape.to_string());
  }
  const std::vector<i64> values = formats::to_integers(stored);
  std::vector<models::Grid> grids;
  for (std::size_t i = 0; i + 2 < values.size(); i += 3)
    grids.push_back({values[i], values[i + 1], values[i + 2]});
  return grids;
}

/// Side of the model's patches: 3 channels, one frame.
i64 patch_side(const models::ModelFacts& facts) {
  const i64 area = facts.images ? facts.images->patch_values / 3 : 0;
  const auto side = static_cast<i64>(std::lround(std::sqrt(static_cast<double>(area))));
  if (side < 1 || side * side * 3 != facts.images->patch_values)
    fail(ErrorCode::unsupported, "this model takes no pixel_values, or only rows of patches");
  return side;
}

}  // namespace

std::optional<ImageInput> image_input(Runner& runner, const formats::SafetensorsFile& file, i64 i) {
  if (const StoredTensor* rows = find(file, "pixel_rows", i)) {
    const StoredTensor* grids = find(file, "grid_thw", i);
    if (grids == nullptr) fail(ErrorCode::not_found, "pixel_rows_{} without grid_thw_{}", i, i);
    const std::vector<float> values = formats::to_floats(*rows);
    return ImageInput{
        .images = {.pixels = Tensor::of(runner.pool(), rows->shape, std::span<const float>(values)),
                   .grids = grids_of(*grids)},
        .rows = {}};
  }
  const StoredTensor* planes = find(file, "pixel_values", i);
  if (planes == nullptr) return std::nullopt;
  const Shape& shape = planes->shape;
  if ((shape.rank() != 3 && shape.rank() != 4) || shape[-3] != 3) {
    fail(ErrorCode::shape_mismatch, "{} has shape {}, expected [3, H, W] or [n, 3, H, W]",
         planes->name, shape.to_string());
  }
  const vision::Size size = {shape[-2], shape[-1]};
  const std::vector<float> values = formats::to_floats(*planes);
  const auto of_picture = static_cast<std::size_t>(3 * size.height * size.width);
  vision::Patches patches;
  for (std::size_t first = 0; of_picture > 0 && first < values.size(); first += of_picture) {
    const vision::Patches one = vision::patches_of_planes(
        std::span(values).subspan(first, of_picture), size, patch_side(runner.facts()));
    patches.width = one.width;
    patches.values.insert(patches.values.end(), one.values.begin(), one.values.end());
    patches.grids.push_back(one.grids.front());
  }
  return ImageInput{.images = {.pixels = Tensor::of(runner.pool(), {patches.rows(), patches.width},
                                                    std::span<const float>(patches.values)),
                               .grids = patches.grids},
                    .rows = {}};
}

}  // namespace medlar::runtime
