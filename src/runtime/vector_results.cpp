#include "runtime/vector_results.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace medlar::runtime {
namespace {

std::string shortened(const std::vector<i64>& ids) {
  constexpr std::size_t most = 24;
  const std::size_t count = std::min(ids.size(), most);
  return fmt::format("[{}{}]",
                     fmt::join(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ", "),
                     ids.size() > most ? ", ..." : "");
}

}  // namespace

VectorResult compare_ids(std::string name, const std::vector<i64>& got,
                         const std::vector<i64>& expected) {
  VectorResult result = {
      .name = std::move(name), .pass = got == expected, .expected = {}, .got = {}};
  if (!result.pass) {
    result.expected = shortened(expected);
    result.got = shortened(got);
  }
  return result;
}

VectorResult compare_values(std::string name, std::span<const float> got,
                            std::span<const float> expected, double tolerance) {
  VectorResult result = {
      .name = std::move(name), .tolerance = tolerance, .expected = {}, .got = {}};
  if (got.size() != expected.size()) {
    result.error = INFINITY;
    result.expected = fmt::format("{} values", expected.size());
    result.got = fmt::format("{} values", got.size());
    return result;
  }
  double largest = 0.0;
  double difference = 0.0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    largest = std::max(largest, std::fabs(static_cast<double>(expected[i])));
    const double d = std::fabs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
    if (!(d <= difference)) {
      difference = std::isnan(d) ? static_cast<double>(INFINITY) : d;
      worst = i;
    }
  }
  result.error = largest > 0.0 ? difference / largest : difference;
  result.pass = result.error <= tolerance;
  if (!result.pass) {
    result.expected = fmt::format("{} at {}", expected[worst], worst);
    result.got = fmt::format("{}", got[worst]);
  }
  return result;
}

VectorResult compare_text(std::string name, const std::string& got, const std::string& expected) {
  VectorResult result = {
      .name = std::move(name), .pass = got == expected, .expected = {}, .got = {}};
  if (!result.pass) {
    result.expected = expected;
    result.got = got;
  }
  return result;
}

}  // namespace medlar::runtime
