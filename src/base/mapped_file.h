#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/types.h"

namespace medlar {

/// A whole file mapped read-only. Immutable, so safe to share between threads; views live as long
/// as the object. Throws not_found, or io with the system's reason.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  Bytes bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::filesystem::path path_;
  const std::byte* data_;
  std::size_t size_;
};

/// Tells the system that the pages wholly inside `bytes` of a mapped file are not needed soon, so
/// that weights that were repacked do not stay resident twice. Reading them later is still valid.
/// Does nothing for other memory.
void release_pages(Bytes bytes);

/// The whole file as a string. Throws not_found or io, and limit_exceeded above `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, i64 max_bytes = i64{1} << 30);

}  // namespace medlar
