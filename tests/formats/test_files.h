#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/types.h"

namespace medlar::tests {

/// Bytes under construction, little-endian.
class ByteWriter {
 public:
  template <typename T>
  ByteWriter& add(T value) {
    static_assert(std::is_arithmetic_v<T>);
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    text_.append(raw, sizeof(T));
    return *this;
  }
  ByteWriter& text(std::string_view text) {
    text_.append(text);
    return *this;
  }
  /// A GGUF string: u64 length, bytes.
  ByteWriter& string(std::string_view value) { return add<u64>(value.size()).text(value); }
  ByteWriter& pad_to(std::size_t step, char fill = '\0') {
    while (text_.size() % step != 0) text_.push_back(fill);
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

inline Bytes bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A folder that is removed at the end of the scope.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "medlar_test_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Runs `action`, which must throw an Error of this code whose message has `part` in it.
template <typename Action>
void expect_error(ErrorCode code, std::string_view part, Action action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown, expected " << name_of(code) << " with '" << part << "'";
  } catch (const Error& error) {
    EXPECT_EQ(name_of(error.code()), name_of(code)) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos) << error.what();
  }
}

/// Feeds every proper prefix of `file` to `parse`, which must throw an Error for each.
template <typename Parse>
void expect_every_prefix_refused(const std::string& file, Parse parse) {
  for (std::size_t size = 0; size < file.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read past its end.
    const std::string prefix(file.data(), size);
    EXPECT_THROW(parse(bytes_of_text(prefix)), Error) << "cut to " << size << " bytes";
  }
}

/// Feeds `file` with each byte replaced in turn by a few values; only an Error may come out.
template <typename Parse>
void expect_no_crash_with_changed_bytes(const std::string& file, Parse parse) {
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const unsigned change : {0x00u, 0x01u, 0x7fu, 0x80u, 0xffu}) {
      std::string changed = file;
      changed[i] = static_cast<char>(change);
      try {
        parse(bytes_of_text(changed));
      } catch (const Error&) {
        // what a changed file may do
      }
    }
  }
}

}  // namespace medlar::tests
