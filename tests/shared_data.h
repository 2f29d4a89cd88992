#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace medlar::tests {

/// The folder of reference data beside the checkout (or $MEDLAR_SHARED); empty where it is absent.
inline std::filesystem::path shared_folder() {
  const char* named = std::getenv("MEDLAR_SHARED");
  const std::filesystem::path folder =
      named != nullptr ? std::filesystem::path(named)
                       : std::filesystem::path(MEDLAR_SOURCE_DIR) / ".." / "shared";
  return std::filesystem::is_directory(folder / "golden") ? std::filesystem::canonical(folder)
                                                          : std::filesystem::path();
}

}  // namespace medlar::tests

/// Skips the test, saying why, where the reference data is absent.
#define MEDLAR_NEEDS_SHARED()                   \
  if (::medlar::tests::shared_folder().empty()) \
  GTEST_SKIP() << "needs the reference data beside the checkout (../shared or $MEDLAR_SHARED)"
