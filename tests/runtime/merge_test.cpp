#include "runtime/merge.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "formats/tensor_values.h"

namespace medlar::runtime {
namespace {

formats::Checkpoint model_of(std::vector<float> values) {
  const auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  formats::Checkpoint checkpoint;
  checkpoint.path = "model";
  checkpoint.tensors["w"] = {.name = "w",
                             .format = QuantFormat::f32,
                             .shape = {ssize_of(*owner)},
                             .bytes = std::as_bytes(std::span(*owner)),
                             .owner = owner};
  return checkpoint;
}

std::vector<float> values_of(const MergeRequest& request) {
  return formats::to_floats(formats::in_memory(merged(request).front()));
}

using Floats = std::vector<float>;

TEST(Merge, LinearIsTheWeightedMean) {
  const auto a = model_of({1, 2}), b = model_of({3, 6});
  EXPECT_EQ(values_of({.method = MergeMethod::linear, .models = {{&a, 1.0}, {&b, 3.0}}}),
            (Floats{2.5f, 5.0f}));
}

TEST(Merge, SlerpKeepsTheLengthOnTheArc) {
  const auto a = model_of({1, 0}), b = model_of({0, 1});
  const Floats half = values_of({.method = MergeMethod::slerp, .models = {{&a}, {&b}}, .t = 0.5});
  EXPECT_NEAR(half[0], std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(half[1], std::sqrt(0.5), 1e-6);
  EXPECT_EQ(values_of({.method = MergeMethod::slerp, .models = {{&a}, {&b}}, .t = 0.0}),
            (Floats{1, 0}));
  const auto c = model_of({2, 0});  // the same direction: a straight line
  EXPECT_EQ(values_of({.method = MergeMethod::slerp, .models = {{&a}, {&c}}, .t = 0.5}),
            (Floats{1.5f, 0}));
}

TEST(Merge, TaskArithmeticAddsDifferences) {
  const auto base = model_of({1, 1}), a = model_of({2, 1}), b = model_of({1, 4});
  EXPECT_EQ(values_of({.method = MergeMethod::task_arithmetic,
                       .base = &base,
                       .models = {{&a, 0.5}, {&b, 1.0}}}),
            (Floats{1.5f, 4.0f}));
}

TEST(Merge, TiesTrimsElectsAndAverages) {
  const auto base = model_of({0, 0, 0, 0});
  const auto a = model_of({4, 1, 3, 0.5f});
  const auto b = model_of({2, -5, 0.1f, 0.2f});
  // Half of each is kept: {4, 0, 3, 0} and {2, -5, 0, 0}.
  EXPECT_EQ(
      values_of(
          {.method = MergeMethod::ties, .base = &base, .models = {{&a}, {&b}}, .density = 0.5}),
      (Floats{3, -5, 3, 0}));
  // All is kept: the second value's signs disagree, the greater sum wins.
  EXPECT_EQ(
      values_of(
          {.method = MergeMethod::ties, .base = &base, .models = {{&a}, {&b}}, .density = 1.0})[1],
      -5.0f);
}

TEST(Merge, DareKeepsTheExpectationAndTheSeed) {
  const auto base = model_of(Floats(20000, 1.0f));
  const auto a = model_of(Floats(20000, 3.0f));
  const MergeRequest request = {.method = MergeMethod::dare_linear,
                                .base = &base,
                                .models = {{&a}},
                                .density = 0.25,
                                .seed = 5};
  const Floats merged_values = values_of(request);
  double sum = 0;
  for (const float value : merged_values) {
    EXPECT_TRUE(value == 1.0f || value == 9.0f) << value;
    sum += value;
  }
  EXPECT_NEAR(sum / 20000.0, 3.0, 0.1);  // four standard deviations
  EXPECT_EQ(values_of(request), merged_values);
}

TEST(Merge, RequestsMustFitTheirMethod) {
  const auto a = model_of({1, 2}), b = model_of({3});
  EXPECT_THROW(merged({.method = MergeMethod::slerp, .models = {{&a}}}), Error);
  EXPECT_THROW(merged({.method = MergeMethod::ties, .models = {{&a}}}), Error);
  EXPECT_THROW(merged({.method = MergeMethod::linear, .models = {}}), Error);
  EXPECT_THROW(merged({.method = MergeMethod::linear, .models = {{&a}, {&b}}}), Error);
  EXPECT_THROW(merged({.method = MergeMethod::linear, .models = {{&a, 1}, {&a, -1}}}), Error);
}

}  // namespace
}  // namespace medlar::runtime
