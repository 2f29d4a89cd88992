#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/types.h"

namespace medlar {

/// A cursor over untrusted bytes: every read is checked against what is left, and every error names
/// the source, the offset, what was wanted and what was there. Little-endian. Does not own the
/// bytes; returned views live as long as they do. Not thread-safe.
class ByteReader {
 public:
  ByteReader(Bytes bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {}

  i64 size() const { return ssize_of(bytes_); }
  i64 position() const { return position_; }
  i64 remaining() const { return size() - position_; }
  const std::string& source() const { return source_; }

  /// Moves to an absolute offset in [0, size].
  void seek(i64 offset, std::string_view what) {
    if (offset < 0 || offset > size()) {
      corrupt(fmt::format("{} at offset {} lies outside the {} bytes of the file", what, offset,
                          size()));
    }
    position_ = offset;
  }

  /// The next `count` bytes as a view.
  Bytes take(i64 count, std::string_view what) {
    if (count < 0 || count > remaining()) {
      corrupt(fmt::format("{} needs {} bytes, {} are left", what, count, remaining()));
    }
    const Bytes view =
        bytes_.subspan(static_cast<std::size_t>(position_), static_cast<std::size_t>(count));
    position_ += count;
    return view;
  }

  /// A little-endian number (integer, float or double).
  template <typename T>
  T read(std::string_view what) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, take(static_cast<i64>(sizeof(T)), what).data(), sizeof(T));
    return value;
  }

  /// An unsigned 64-bit count that must fit the remaining bytes at `bytes_each` or more an item,
  /// so that no allocation is larger than the file justifies. bytes_each >= 1.
  i64 read_count(std::string_view what, i64 bytes_each) {
    const u64 count = read<u64>(what);
    if (count > static_cast<u64>(remaining() / bytes_each)) {
      corrupt(fmt::format("{} of {} cannot fit the {} bytes left", what, count, remaining()));
    }
    return static_cast<i64>(count);
  }

  /// `count` bytes as text; not checked for UTF-8.
  std::string_view take_text(i64 count, std::string_view what) {
    const Bytes view = take(count, what);
    return {reinterpret_cast<const char*>(view.data()), view.size()};
  }

  /// Throws corrupt_file: "<source>: <message> (at byte <position>)".
  [[noreturn]] void corrupt(std::string_view message) const {
    fail(ErrorCode::corrupt_file, "{}: {} (at byte {})", source_, message, position_);
  }

 private:
  Bytes bytes_;
  std::string source_;
  i64 position_ = 0;
};

}  // namespace medlar
