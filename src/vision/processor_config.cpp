#include <cmath>
#include <string>

#include "base/error.h"
#include "vision/processor.h"

namespace medlar::vision {
namespace {

constexpr i64 most_pixels = formats::picture_pixels_limit;

/// Typed reading of a preprocessor_config.json; null counts as absent.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {
    if (!json.is_object())
      fail(ErrorCode::corrupt_file, "preprocessor_config.json is not an object");
  }

  const Json* find(const std::string& key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  i64 count(const std::string& key, i64 otherwise, i64 most) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_number_integer() || value->get<i64>() < 1 || value->get<i64>() > most) {
      fail(ErrorCode::corrupt_file, "preprocessor: {} must be a whole number in [1, {}]", key,
           most);
    }
    return value->get<i64>();
  }
  /// A number, or the number under `edge` of an object: {"height": 336, "width": 336}.
  i64 edge(const std::string& key, const std::string& edge, i64 otherwise) const {
    const Json* value = find(key);
    if (value != nullptr && value->is_object())
      return Reader(*value).count(edge, otherwise, 1 << 14);
    return count(key, otherwise, 1 << 14);
  }
  bool flag(const std::string& key, bool otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean())
      fail(ErrorCode::corrupt_file, "preprocessor: {} must be true or false", key);
    return value->get<bool>();
  }
  std::array<double, 3> channels(const std::string& key, std::array<double, 3> values) const {
    const Json* list = find(key);
    if (list == nullptr) return values;
    for (std::size_t c = 0; c < 3; ++c) {
      if (!list->is_array() || list->size() != 3 || !(*list)[c].is_number())
        fail(ErrorCode::corrupt_file, "preprocessor: {} must be three numbers", key);
      values[c] = (*list)[c].get<double>();
    }
    return values;
  }

 private:
  const Json& json_;
};

void refuse_other_steps(const Reader& reader) {
  constexpr i64 bicubic = 3;
  for (const char* step : {"do_resize", "do_rescale", "do_normalize", "do_convert_rgb"}) {
    if (!reader.flag(step, true))
      fail(ErrorCode::unsupported, "a picture processor with {} off", step);
  }
  if (reader.count("resample", bicubic, 16) != bicubic)
    fail(ErrorCode::unsupported, "a picture processor that resamples other than bicubically");
  const Json* factor = reader.find("rescale_factor");
  if (factor != nullptr &&
      (!factor->is_number() || std::fabs(factor->get<double>() - 1.0 / 255.0) > 1e-9)) {
    fail(ErrorCode::unsupported, "a picture processor with a rescale_factor other than 1/255");
  }
}

SmartResize smart_size(const Reader& reader, const ProcessorConfig& config) {
  const Json* stated = reader.find("size");
  const Json size = stated == nullptr ? Json::object() : *stated;
  const Reader bounds(size);
  return {
      .factor = config.patch * config.merge,
      .temporal_factor = config.frames_a_patch,
      .min_pixels = bounds.count("shortest_edge",
                                 reader.count("min_pixels", 112 * 112, most_pixels), most_pixels),
      .max_pixels = bounds.count(
          "longest_edge", reader.count("max_pixels", 28 * 28 * 15000, most_pixels), most_pixels)};
}

CentreCrop centre_crop(const Reader& reader) {
  CentreCrop crop;
  crop.shortest_edge = reader.edge("size", "shortest_edge", 336);
  crop.crop = reader.edge("crop_size", "height", crop.shortest_edge);
  crop.pad_to_square = reader.flag("do_pad", false);
  if (!reader.flag("do_center_crop", true) || crop.crop > crop.shortest_edge ||
      reader.edge("crop_size", "width", crop.crop) != crop.crop) {
    fail(ErrorCode::unsupported, "a picture processor without a square crop inside the picture");
  }
  return crop;
}

}  // namespace

ProcessorConfig processor_config(const Json& preprocessor) {
  const Reader reader(preprocessor);
  const Json* named = reader.find("image_processor_type");
  const std::string type = named != nullptr && named->is_string() ? named->get<std::string>() : "";
  refuse_other_steps(reader);
  ProcessorConfig config;
  config.mean = reader.channels("image_mean", config.mean);
  config.std = reader.channels("image_std", config.std);
  for (std::size_t c = 0; c < 3; ++c) {
    if (!(config.std[c] > 0.0 && config.mean[c] >= 0.0 && config.mean[c] <= 1.0))
      fail(ErrorCode::corrupt_file, "preprocessor: image_mean or image_std out of range");
  }
  config.patch = reader.count("patch_size", 14, 256);
  if (type.starts_with("Glm4vImageProcessor") || type.starts_with("Glm46VImageProcessor")) {
    config.frames_a_patch = reader.count("temporal_patch_size", 2, 16);
    config.merge = reader.count("merge_size", 2, 16);
    config.size = smart_size(reader, config);
  } else if (type.starts_with("CLIPImageProcessor") || type.starts_with("LlavaImageProcessor")) {
    config.crop = centre_crop(reader);
  } else {
    fail(ErrorCode::unsupported,
         "no picture processor '{}' (Glm4v, Glm46V, CLIP and Llava are known)", type);
  }
  return config;
}

}  // namespace medlar::vision
