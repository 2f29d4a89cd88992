#include "vision/smart_resize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace medlar::vision {
namespace {

/// The multiple of `step` nearest to value, of two the even one.
i64 nearest_multiple(i64 value, i64 step) {
  return static_cast<i64>(std::nearbyint(static_cast<double>(value) / static_cast<double>(step))) *
         step;
}

}  // namespace

Size smart_resize(i64 frames, Size picture, const SmartResize& rule) {
  constexpr double most_ratio = 200.0;
  if (frames < rule.temporal_factor || picture.height < 1 || picture.width < 1) {
    fail(ErrorCode::invalid_argument, "{} frames of {} x {} pixels; at least {} are needed", frames,
         picture.height, picture.width, rule.temporal_factor);
  }
  auto height = static_cast<double>(picture.height);
  auto width = static_cast<double>(picture.width);
  const auto factor = static_cast<double>(rule.factor);
  if (height < factor || width < factor) {
    const double up = std::max(factor / height, factor / width);
    height = std::trunc(height * up);
    width = std::trunc(width * up);
  }
  const double ratio = std::max(height, width) / std::min(height, width);
  if (ratio > most_ratio) {
    fail(ErrorCode::invalid_argument,
         "a picture of {} x {} pixels is {:.1f} times as long as wide; "
         "at most {} is allowed",
         picture.height, picture.width, ratio, most_ratio);
  }
  Size size = {nearest_multiple(static_cast<i64>(height), rule.factor),
               nearest_multiple(static_cast<i64>(width), rule.factor)};
  const i64 slices = nearest_multiple(frames, rule.temporal_factor);
  const double pixels = static_cast<double>(frames) * height * width;
  if (slices * size.height * size.width > rule.max_pixels) {
    const double down = std::sqrt(pixels / static_cast<double>(rule.max_pixels));
    const auto fit = [&](double side) {
      return std::max(rule.factor,
                      static_cast<i64>(std::floor(side / down / factor)) * rule.factor);
    };
    size = {fit(height), fit(width)};
  } else if (slices * size.height * size.width < rule.min_pixels) {
    const double up = std::sqrt(static_cast<double>(rule.min_pixels) / pixels);
    const auto fill = [&](double side) {
      return static_cast<i64>(std::ceil(side * up / factor)) * rule.factor;
    };
    size = {fill(height), fill(width)};
  }
  return size;
}

}  // namespace medlar::vision
