#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "vision/processor.h"
#include "vision/video_sampling.h"

namespace medlar::vision {
namespace {

/// Far enough from black and white that no pass clamps.
Picture pattern(i64 height, i64 width) {
  Picture picture = {.height = height, .width = width, .rgb = {}};
  for (i64 i = 0; i < height * width * 3; ++i)
    picture.rgb.push_back(static_cast<u8>(80 + i * 37 % 90));
  return picture;
}

/// The definition: bicubic weights in double over both axes, rounded once.
double ideal(const Picture& in, i64 height, i64 width, i64 row, i64 column, i64 channel) {
  const auto taps = [](i64 at, i64 size, i64 out) {
    const double scale = static_cast<double>(size) / static_cast<double>(out);
    const double stretch = std::max(scale, 1.0);
    std::vector<double> weights(static_cast<std::size_t>(size), 0.0);
    double total = 0.0;
    for (i64 k = 0; k < size; ++k) {
      const double x = std::fabs(
          (static_cast<double>(k) + 0.5 - (static_cast<double>(at) + 0.5) * scale) / stretch);
      double& w = weights[static_cast<std::size_t>(k)];
      if (x < 1.0) w = 1.5 * x * x * x - 2.5 * x * x + 1.0;
      if (x >= 1.0 && x < 2.0) w = -0.5 * x * x * x + 2.5 * x * x - 4.0 * x + 2.0;
      total += w;
    }
    for (double& w : weights) w /= total;
    return weights;
  };
  const auto rows = taps(row, in.height, height);
  const auto columns = taps(column, in.width, width);
  double sum = 0.0;
  for (i64 r = 0; r < in.height; ++r) {
    for (i64 c = 0; c < in.width; ++c)
      sum += rows[static_cast<std::size_t>(r)] * columns[static_cast<std::size_t>(c)] *
             in.rgb[static_cast<std::size_t>((r * in.width + c) * 3 + channel)];
  }
  return std::clamp(sum, 0.0, 255.0);
}

TEST(Resize, IsTheBicubicDefinitionWithinTheRoundingOfItsPasses) {
  const Picture in = pattern(9, 14);
  for (const Size size : {Size{20, 7}, {5, 31}, {9, 3}, {28, 28}}) {
    for (const WeightRule rule : {WeightRule::torch, WeightRule::pillow}) {
      const Picture out = resize_bicubic(in, size.height, size.width, {.rule = rule});
      for (i64 i = 0; i < ssize_of(out.rgb); ++i) {
        const i64 row = i / 3 / out.width;
        // Half a level for each pass, the first one's spread by weights of at most 1.3 together.
        ASSERT_NEAR(out.rgb[static_cast<std::size_t>(i)],
                    ideal(in, out.height, out.width, row, i / 3 % out.width, i % 3), 1.2);
      }
    }
  }
}

TEST(Resize, KeepsWhatNeedsNoResizing) {
  const Picture in = pattern(6, 5);
  EXPECT_EQ(resize_bicubic(in, 6, 5).rgb, in.rgb);
  EXPECT_THROW(resize_bicubic(in, 1 << 20, 1 << 20), Error);
}

TEST(SmartResize, RoundsHalfToEvenAndKeepsTheBounds) {
  const SmartResize rule = {.min_pixels = 12544, .max_pixels = 11760000};
  const auto resized = [&](i64 height, i64 width) {
    const Size size = smart_resize(2, {height, width}, rule);
    return std::pair(size.height, size.width);
  };
  EXPECT_EQ(resized(70, 98), std::pair(i64{56}, i64{112}));
  EXPECT_EQ(resized(1, 1), std::pair(i64{84}, i64{84}));
  EXPECT_EQ(resized(3000, 2200), std::pair(i64{2828}, i64{2072}));
  EXPECT_EQ(resized(2000, 40), std::pair(i64{1988}, i64{28}));
  EXPECT_THROW(resized(1, 201), Error);
  EXPECT_THROW(resized(0, 5), Error);
  EXPECT_THROW(smart_resize(1, {56, 56}, rule), Error);
}

TEST(VideoSampling, TakesFramesByTime) {
  const VideoFacts seven = {.frames = 7, .fps = 6.0, .duration_s = std::nullopt};
  EXPECT_EQ(sample_frames(VideoRule::glm4v, seven), (std::vector<i64>{0, 3, 6, 6}));
  EXPECT_EQ(sample_frames(VideoRule::glm46v, seven), (std::vector<i64>{0, 1, 2, 3, 4, 5, 6, 6}));
  EXPECT_EQ(frame_times(VideoRule::glm46v, {0, 1, 2, 3}, 6.0),
            (std::vector<std::string>{"0.0 seconds", "0.3 seconds"}));
  // One frame: the rule of 4.6V takes none.
  const VideoFacts one = {.frames = 1, .fps = 25.0, .duration_s = 0.04};
  EXPECT_EQ(sample_frames(VideoRule::glm4v, one), (std::vector<i64>{0, 0}));
  EXPECT_TRUE(sample_frames(VideoRule::glm46v, one).empty());
  for (const VideoFacts& broken : {VideoFacts{.frames = 0, .fps = 1.0, .duration_s = 1.0},
                                   {10, 0.0, 1.0},
                                   {10, NAN, 1.0},
                                   {10, 1.0, -1.0},
                                   {10, 1.0, 1e300}}) {
    EXPECT_THROW(sample_frames(VideoRule::glm4v, broken), Error);
    EXPECT_THROW(sample_frames(VideoRule::glm46v, broken), Error);
  }
}

TEST(Processor, LaysPatchesOutInBlocks) {
  // One pixel a patch, two patches a block side: a plane 0..7 of 2 x 4.
  ProcessorConfig config;
  config.patch = 1;
  config.merge = 2;
  config.frames_a_patch = 1;
  config.mean = {0.0, 0.0, 0.0};
  config.std = {1.0 / 255.0, 1.0 / 255.0, 1.0 / 255.0};
  config.size = {.factor = 2, .temporal_factor = 1, .min_pixels = 1, .max_pixels = 100};
  Picture picture = {.height = 2, .width = 4, .rgb = {}};
  for (u8 i = 0; i < 8; ++i) picture.rgb.insert(picture.rgb.end(), {i, i, i});
  const Patches patches = process_pictures(config, {&picture, 1});
  std::vector<i64> order;
  for (i64 row = 0; row < patches.rows(); ++row)
    order.push_back(std::lround(patches.values[static_cast<std::size_t>(row * 3)]));
  EXPECT_EQ(order, (std::vector<i64>{0, 1, 4, 5, 2, 3, 6, 7}));
  EXPECT_EQ(patches.grids.front(), (std::array<i64, 3>{1, 2, 4}));
}

TEST(Processor, RefusesConfigurationsItCannotFollow) {
  const auto code = [](const Json& json) {
    try {
      processor_config(json);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  const char* const glm = "Glm4vImageProcessor";
  const char* const clip = "CLIPImageProcessor";
  EXPECT_EQ(code(Json::array()), ErrorCode::corrupt_file);
  EXPECT_EQ(code({{"image_processor_type", "Blip"}}), ErrorCode::unsupported);
  EXPECT_EQ(code({{"image_processor_type", glm}, {"do_resize", false}}), ErrorCode::unsupported);
  EXPECT_EQ(code({{"image_processor_type", glm}, {"patch_size", -1}}), ErrorCode::corrupt_file);
  EXPECT_EQ(code({{"image_processor_type", glm}, {"image_std", {0.0, 1.0, 1.0}}}),
            ErrorCode::corrupt_file);
  EXPECT_EQ(code({{"image_processor_type", clip}, {"crop_size", 400}}), ErrorCode::unsupported);
}

}  // namespace
}  // namespace medlar::vision
