#pragma once

#include "base/types.h"

namespace medlar::vision {

struct Size {
  i64 height = 0;
  i64 width = 0;
};

/// Bounds of smart_resize.
struct SmartResize {
  i64 factor = 28;          ///< both sides become multiples of it
  i64 temporal_factor = 2;  ///< frames that become one
  i64 min_pixels = 0;       ///< of all frames together
  i64 max_pixels = 0;
};

/// The size in which GLM's processors show a picture (frames = temporal_factor) or a video: sides
/// are multiples of the factor, the pixels of all frames lie within the bounds as far as multiples
/// and the factor as smallest side allow. Throws invalid_argument where one side is over 200 times
/// the other or there are fewer frames than the temporal factor.
Size smart_resize(i64 frames, Size picture, const SmartResize& rule);

}  // namespace medlar::vision
