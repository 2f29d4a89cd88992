#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/conformance.h"

namespace medlar::runtime {

/// Whole numbers, exact.
VectorResult compare_ids(std::string name, const std::vector<i64>& got,
                         const std::vector<i64>& expected);

/// Numbers by max |got - expected| / max |expected|.
VectorResult compare_values(std::string name, std::span<const float> got,
                            std::span<const float> expected, double tolerance);

/// Text, exact.
VectorResult compare_text(std::string name, const std::string& got, const std::string& expected);

}  // namespace medlar::runtime
