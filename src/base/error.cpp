#include "base/error.h"

#include <array>
#include <cstring>

namespace medlar {

std::string_view name_of(ErrorCode code) {
  constexpr std::array<std::string_view, 12> names = {
      "usage",          "not_found",      "corrupt_file",
      "unsupported",    "shape_mismatch", "invalid_argument",
      "limit_exceeded", "out_of_memory",  "io",
      "cancelled",      "failed_check",   "internal"};
  return names[static_cast<std::size_t>(code)];
}

void fail_check(const char* condition, const char* file, int line) {
  const char* slash = std::strrchr(file, '/');
  fail(ErrorCode::internal, "broken invariant: {} at {}:{}", condition, slash ? slash + 1 : file,
       line);
}

}  // namespace medlar
