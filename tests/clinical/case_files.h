#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/mapped_file.h"

namespace medlar::tests {

/// The *.txt files of a folder of tests/cases, by name.
inline std::vector<std::filesystem::path> case_files(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  const auto path = std::filesystem::path(MEDLAR_SOURCE_DIR) / "tests" / "cases" / folder;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  EXPECT_FALSE(files.empty()) << path;
  return files;
}

}  // namespace medlar::tests
