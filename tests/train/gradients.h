#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace medlar::tests {

/// Each value's gradient against central differences of `loss` over 2 `step`.
inline void expect_gradient(Tensor values, const Tensor* gradient,
                            const std::function<double()>& loss, float step, double tolerance) {
  ASSERT_NE(gradient, nullptr);
  for (i64 i = 0; i < values.count(); ++i) {
    const float kept = values.f32()[i];
    values.f32()[i] = kept + step;
    const double above = loss();
    values.f32()[i] = kept - step;
    const double below = loss();
    values.f32()[i] = kept;
    EXPECT_NEAR(gradient->f32()[i], (above - below) / (2.0 * static_cast<double>(step)), tolerance)
        << "value " << i;
  }
}

}  // namespace medlar::tests
