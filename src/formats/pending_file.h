#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/types.h"

namespace medlar::formats {

/// A file that is written under a temporary name beside its own and renamed when it is complete;
/// removed if it never is. Every member throws io; so does what is there and no file (a device, a
/// folder). Not thread-safe.
class PendingFile {
 public:
  explicit PendingFile(const std::filesystem::path& path);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();

  void write(Bytes bytes);
  /// Once, at the end: everything is on the disk, and under its name.
  void finish();

 private:
  [[noreturn]] void refuse(std::string_view verb) const;

  std::filesystem::path path_;
  std::string temporary_;
  std::FILE* file_;
  bool complete_ = false;
};

/// Writes a whole file so. Throws io.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace medlar::formats
