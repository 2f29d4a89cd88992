#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "base/error.h"

namespace medlar {
namespace {

/// Closes a file descriptor at the end of its scope.
struct FileDescriptor {
  int number;
  explicit FileDescriptor(int descriptor) : number(descriptor) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { ::close(number); }
};

int open_for_reading(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const auto code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::not_found : ErrorCode::io;
    fail(code, "cannot open {}: {}", path.string(), std::strerror(errno));
  }
  return descriptor;
}

/// Where files are mapped now: advice that drops pages would wipe any other memory.
class MappedRanges {
 public:
  void add(const std::byte* data, std::size_t size) {
    const std::lock_guard lock(mutex_);
    sizes_[reinterpret_cast<std::uintptr_t>(data)] = size;
  }
  void remove(const std::byte* data) {
    const std::lock_guard lock(mutex_);
    sizes_.erase(reinterpret_cast<std::uintptr_t>(data));
  }
  bool contain(Bytes bytes) {
    const std::lock_guard lock(mutex_);
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
    auto next = sizes_.upper_bound(begin);
    if (next == sizes_.begin()) return false;
    --next;
    return begin + bytes.size() <= next->first + next->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::size_t> sizes_;
};

MappedRanges& mapped_ranges() {
  static MappedRanges ranges;
  return ranges;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const FileDescriptor file(open_for_reading(path));
  struct stat status{};
  if (::fstat(file.number, &status) != 0) {
    fail(ErrorCode::io, "cannot read the size of {}: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) fail(ErrorCode::io, "{} is not a regular file", path.string());
  const std::size_t size = static_cast<std::size_t>(status.st_size);
  const std::byte* data = nullptr;
  if (size > 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (address == MAP_FAILED)
      fail(ErrorCode::io, "cannot map {}: {}", path.string(), std::strerror(errno));
    data = static_cast<const std::byte*>(address);
    mapped_ranges().add(data, size);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  mapped_ranges().remove(data_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

void release_pages(Bytes bytes) {
  if (!mapped_ranges().contain(bytes)) return;
  const std::uintptr_t page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin =
      (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
  const std::uintptr_t end =
      reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  // Advice only: a refusal changes nothing but the memory in use.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

std::string read_text_file(const std::filesystem::path& path, i64 max_bytes) {
  const FileDescriptor file(open_for_reading(path));
  std::string text;
  std::string chunk(1 << 16, '\0');
  while (true) {
    const ssize_t count = ::read(file.number, chunk.data(), chunk.size());
    if (count == 0) return text;
    if (count < 0) {
      if (errno == EINTR) continue;
      fail(ErrorCode::io, "cannot read {}: {}", path.string(), std::strerror(errno));
    }
    text.append(chunk, 0, static_cast<std::size_t>(count));
    if (ssize_of(text) > max_bytes) {
      fail(ErrorCode::limit_exceeded, "{} is larger than the limit of {} bytes", path.string(),
           max_bytes);
    }
  }
}

}  // namespace medlar
