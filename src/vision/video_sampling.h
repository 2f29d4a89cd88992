#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/types.h"

namespace medlar::vision {

/// The rules by which GLM's video processors pick frames and tell the time.
enum class VideoRule {
  glm4v,   ///< GLM-4.1V, GLM-4.5V: 2 frames a second, whole seconds
  glm46v,  ///< GLM-4.6V: fewer a second the longer it is, tenths of seconds
};

struct VideoFacts {
  i64 frames = 0;
  double fps = 0.0;
  std::optional<double> duration_s;  ///< by the frames where absent
};

/// Frames to show, ascending, an even number of them: the last is repeated where need be. Throws
/// invalid_argument for a video without frames or a rate that is not positive.
std::vector<i64> sample_frames(VideoRule rule, const VideoFacts& video);

/// What the prompt says after each pair of frames: "3" or "3.0 seconds".
std::vector<std::string> frame_times(VideoRule rule, const std::vector<i64>& frames, double fps);

}  // namespace medlar::vision
