#include "vision/resize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace medlar::vision {
namespace {

/// Keys' cubic convolution with a = -1/2.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

/// Towards zero, as the references take it.
i64 whole_part(double x) { return static_cast<i64>(x); }

/// Taps of all outputs of a pass: output i is the sum of weights[first_weight[i] + k] *
/// in[first_input[i] + k], shifted right by `bits`.
struct Taps {
  std::vector<i64> first_input;
  std::vector<i64> first_weight;  ///< one more than outputs
  std::vector<i32> weights;
  int bits = 0;
};

int weight_bits(WeightRule rule, double largest) {
  constexpr int most_bits = 22;
  if (rule == WeightRule::pillow) return most_bits;
  int bits = 0;
  while (bits < most_bits && 0.5 + largest * static_cast<double>(i64{1} << (bits + 1)) < 32768.0)
    ++bits;
  return bits;
}

Taps taps_of(i64 in, i64 out, WeightRule rule) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0);
  const double support = 2.0 * filter_scale;
  Taps taps;
  std::vector<double> weights;
  taps.first_weight.push_back(0);
  for (i64 i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const i64 first = std::max(whole_part(centre - support + 0.5), i64{0});
    const i64 end = std::min(whole_part(centre + support + 0.5), in);
    const std::size_t begin = weights.size();
    double total = 0.0;
    for (i64 k = first; k < end; ++k) {
      weights.push_back(cubic((static_cast<double>(k) - centre + 0.5) * (1.0 / filter_scale)));
      total += weights.back();
    }
    for (std::size_t k = begin; total != 0.0 && k < weights.size(); ++k) weights[k] /= total;
    taps.first_input.push_back(first);
    taps.first_weight.push_back(ssize_of(weights));
  }
  taps.bits = weight_bits(rule, *std::ranges::max_element(weights));
  const auto unit = static_cast<double>(i64{1} << taps.bits);
  for (const double w : weights)
    taps.weights.push_back(static_cast<i32>(w < 0.0 ? w * unit - 0.5 : w * unit + 0.5));
  return taps;
}

u8 rounded_byte(i64 sum, int bits) {
  const i64 value = bits == 0 ? sum : (sum + (i64{1} << (bits - 1))) >> bits;
  return static_cast<u8>(std::clamp(value, i64{0}, i64{255}));
}

/// One output pixel: `stride` values from one input to the next.
void sum_taps(const Taps& taps, i64 i, const u8* in, i64 stride, u8* out) {
  i64 sums[3] = {};
  const u8* from = in + taps.first_input[static_cast<std::size_t>(i)] * stride;
  for (i64 k = taps.first_weight[static_cast<std::size_t>(i)];
       k < taps.first_weight[static_cast<std::size_t>(i) + 1]; ++k, from += stride) {
    const i64 weight = taps.weights[static_cast<std::size_t>(k)];
    for (i64 c = 0; c < 3; ++c) sums[c] += weight * from[c];
  }
  for (i64 c = 0; c < 3; ++c) out[c] = rounded_byte(sums[c], taps.bits);
}

Picture empty_picture(i64 height, i64 width) {
  return {.height = height,
          .width = width,
          .rgb = std::vector<u8>(static_cast<std::size_t>(height * width * 3))};
}

Picture resize_width(const Picture& in, i64 width, WeightRule rule) {
  if (in.width == width) return in;
  const Taps taps = taps_of(in.width, width, rule);
  Picture out = empty_picture(in.height, width);
  for (i64 r = 0; r < in.height; ++r) {
    const u8* row = in.rgb.data() + r * in.width * 3;
    for (i64 i = 0; i < width; ++i) sum_taps(taps, i, row, 3, out.rgb.data() + (r * width + i) * 3);
  }
  return out;
}

Picture resize_height(const Picture& in, i64 height, WeightRule rule) {
  if (in.height == height) return in;
  const Taps taps = taps_of(in.height, height, rule);
  const i64 stride = in.width * 3;
  Picture out = empty_picture(height, in.width);
  for (i64 i = 0; i < height; ++i) {
    for (i64 c = 0; c < in.width; ++c)
      sum_taps(taps, i, in.rgb.data() + c * 3, stride, out.rgb.data() + i * stride + c * 3);
  }
  return out;
}

}  // namespace

Picture resize_bicubic(const Picture& picture, i64 height, i64 width, const Resampler& resampler) {
  MEDLAR_CHECK(height >= 1 && width >= 1);
  const i64 rows = std::max(height, picture.height);
  const i64 columns = std::max(width, picture.width);
  if (rows > formats::picture_pixels_limit / columns) {
    fail(ErrorCode::limit_exceeded, "resizing {} x {} to {} x {} pixels is over the limit of {}",
         picture.height, picture.width, height, width, formats::picture_pixels_limit);
  }
  if (resampler.order == PassOrder::vertical_first)
    return resize_width(resize_height(picture, height, resampler.rule), width, resampler.rule);
  return resize_height(resize_width(picture, width, resampler.rule), height, resampler.rule);
}

}  // namespace medlar::vision
