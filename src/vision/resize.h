#pragma once

#include "formats/picture.h"

namespace medlar::vision {

using formats::Picture;

/// How the weights of the resampler become whole numbers.
enum class WeightRule {
  torch,   ///< the most bits that keep the largest weight of a pass below 2^15
  pillow,  ///< 22 bits
};

enum class PassOrder { horizontal_first, vertical_first };

struct Resampler {
  WeightRule rule = WeightRule::torch;
  PassOrder order = PassOrder::horizontal_first;
};

/// Antialiased bicubic resampling (Keys 1981, a = -1/2) of bytes in whole numbers, bit-equal to
/// torch and Pillow: output i takes the inputs around (i + 1/2) in/out, within 2 max(in/out, 1), by
/// weights normalised in double and rounded half away from zero; each pass rounds to a byte. A pass
/// that changes no size is left out. height, width >= 1, checked against the limit of pictures
/// (limit_exceeded).
Picture resize_bicubic(const Picture& picture, i64 height, i64 width,
                       const Resampler& resampler = {});

}  // namespace medlar::vision
