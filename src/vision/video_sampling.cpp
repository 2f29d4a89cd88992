#include "vision/video_sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace medlar::vision {
namespace {

constexpr i64 frames_limit = 1 << 24;
constexpr double duration_limit_s = 1e6;

/// `count` numbers from first to last, evenly spaced; the last one exactly.
std::vector<double> evenly_spaced(double first, double last, i64 count) {
  std::vector<double> values;
  const double step = (last - first) / static_cast<double>(std::max(count - 1, i64{1}));
  for (i64 i = 0; i < count; ++i) values.push_back(static_cast<double>(i) * step + first);
  if (count > 1) values.back() = last;
  return values;
}

std::vector<i64> evenly_spaced_frames(i64 last, i64 count) {
  std::vector<i64> frames;
  for (const double x : evenly_spaced(0.0, static_cast<double>(last), count))
    frames.push_back(static_cast<i64>(std::floor(x)));
  return frames;
}

std::vector<i64> sample_glm4v(const VideoFacts& video, double duration_s) {
  constexpr double frames_a_second = 2.0;
  constexpr double longest_s = 300.0;
  const i64 last = video.frames - 1;
  const auto frame_at = [&](double second) {
    return std::min(last, static_cast<i64>(std::ceil(second)));
  };
  std::vector<i64> frames;
  if (duration_s <= longest_s) {
    const i64 count = std::max(static_cast<i64>(std::floor(duration_s * frames_a_second)), i64{1});
    for (i64 i = 0; i < count; ++i)
      frames.push_back(frame_at(static_cast<double>(i) * video.fps / frames_a_second));
    return frames;
  }
  const auto count = static_cast<i64>(longest_s * frames_a_second);
  if (count >= video.frames) {
    for (i64 i = 0; i < video.frames; ++i) frames.push_back(i);
    return frames;
  }
  for (const double second : evenly_spaced(0.0, duration_s, count))
    frames.push_back(frame_at(second * video.fps));
  return frames;
}

/// Frames of the times 0, 1 / rate, 2 / rate, .. seconds.
std::vector<i64> frames_by_time(const VideoFacts& video, double rate, double end_s) {
  std::vector<i64> frames;
  const double frame_s = 1.0 / video.fps;
  double due_s = 0.0;
  for (i64 i = 0; i < video.frames; ++i) {
    if (static_cast<double>(i) * frame_s < due_s) continue;
    due_s += 1.0 / rate;
    frames.push_back(i);
    if (due_s >= end_s) break;
  }
  return frames;
}

std::vector<i64> sample_glm46v(const VideoFacts& video, double duration_s) {
  constexpr double longest_s = 2400.0;
  constexpr i64 most_frames = 640;
  const double shown_s = std::min(duration_s, longest_s);
  const double rate = 2.0 * (shown_s <= 30.0 ? 3.0 : shown_s <= 300.0 ? 1.0 : 0.5);
  const i64 count = std::min(static_cast<i64>(shown_s * rate), most_frames);
  const i64 last = video.frames - 1;
  if (video.frames < count) return evenly_spaced_frames(last, count);
  const std::vector<i64> frames = frames_by_time(video, rate, std::trunc(duration_s));
  if (ssize_of(frames) < count) return evenly_spaced_frames(frames.back(), count);
  return ssize_of(frames) > count ? evenly_spaced_frames(last, count) : frames;
}

}  // namespace

std::vector<i64> sample_frames(VideoRule rule, const VideoFacts& video) {
  if (video.frames < 1 || video.frames > frames_limit || !(video.fps > 0.0) ||
      !std::isfinite(video.fps)) {
    fail(ErrorCode::invalid_argument, "a video of {} frames at {} a second", video.frames,
         video.fps);
  }
  const double stated_s = video.duration_s.value_or(0.0);
  const double duration_s =
      stated_s != 0.0 ? stated_s
                      : std::nearbyint(static_cast<double>(video.frames - 1) / video.fps) + 1.0;
  if (!(duration_s >= 0.0 && duration_s <= duration_limit_s))
    fail(ErrorCode::invalid_argument, "a video of {} seconds", duration_s);
  std::vector<i64> frames =
      rule == VideoRule::glm4v ? sample_glm4v(video, duration_s) : sample_glm46v(video, duration_s);
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  if (frames.size() % 2 == 1) frames.push_back(frames.back());
  return frames;
}

std::vector<std::string> frame_times(VideoRule rule, const std::vector<i64>& frames, double fps) {
  std::vector<std::string> times;
  for (std::size_t i = 0; i < frames.size(); i += 2) {
    const double second = static_cast<double>(frames[i]) / fps;
    times.push_back(rule == VideoRule::glm4v ? fmt::format("{}", static_cast<i64>(second))
                                             : fmt::format("{:.1f} seconds", second));
  }
  return times;
}

}  // namespace medlar::vision
