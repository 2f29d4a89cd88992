#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_range.h"

namespace medlar::text {

/// A regular expression of a tokenizer file, run by PCRE2 with Unicode classes and bounds on its
/// work. Immutable, so safe to share between threads.
class Regex {
 public:
  /// Throws unsupported with PCRE2's reason; limit_exceeded for a pattern over 16 KiB.
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  /// All matches that are not empty, left to right, in valid UTF-8. text[begin, end) is searched as
  /// if it were the whole text. Throws limit_exceeded where the work goes beyond the bounds.
  std::vector<ByteRange> find_all(std::string_view text, ByteRange range) const;

  /// A pattern that matches the string itself.
  static std::string quoted(std::string_view literal);

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

}  // namespace medlar::text
