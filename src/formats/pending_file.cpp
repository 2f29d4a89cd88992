#include "formats/pending_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "base/error.h"

namespace medlar::formats {

namespace {

/// Renaming would put a file in the place of a device.
std::filesystem::path checked(const std::filesystem::path& path) {
  std::error_code none;
  if (std::filesystem::exists(path, none) && !std::filesystem::is_regular_file(path, none))
    fail(ErrorCode::io, "{} is there already and is no file", path.string());
  return path;
}

}  // namespace

PendingFile::PendingFile(const std::filesystem::path& path)
    : path_(checked(path)),
      temporary_(path.string() + ".part" + std::to_string(::getpid())),
      file_(std::fopen(temporary_.c_str(), "wbx")) {
  if (file_ == nullptr) refuse("create");
}

PendingFile::~PendingFile() {
  if (file_ != nullptr) std::fclose(file_);
  std::error_code ignored;  // nothing is left to do about it in a destructor
  if (!complete_) std::filesystem::remove(temporary_, ignored);
}

void PendingFile::write(Bytes bytes) {
  if (bytes.empty()) return;
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) refuse("write");
}

void PendingFile::finish() {
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) refuse("write");
  const int closed = std::fclose(std::exchange(file_, nullptr));
  if (closed != 0) refuse("write");
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) fail(ErrorCode::io, "cannot rename to {}: {}", path_.string(), error.message());
  complete_ = true;
}

void PendingFile::refuse(std::string_view verb) const {
  fail(ErrorCode::io, "cannot {} {}: {}", verb, temporary_, std::strerror(errno));
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  PendingFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.finish();
}

}  // namespace medlar::formats
