#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace medlar::text {

/// Finds marks in a text that comes in chunks, and gives out nothing that may yet become one: the
/// parts are the same for every chunking but for where texts are cut. One thread.
class MarkScanner {
 public:
  struct Part {
    std::string text;  ///< what stands before a mark, or the mark
    bool is_mark = false;
  };

  /// Appends a text, however long, and has `run` take parts after every few kilobytes: a text full
  /// of marks costs no more than its length.
  void feed(std::string_view text, const std::function<void()>& run);

  /// The next text or mark (of those that count now, the one that begins first; the longest of
  /// those that begin alike); empty where more text is needed.
  std::optional<Part> next(std::span<const std::string_view> marks);

  /// All that is left, at the end of the text.
  std::string rest() { return std::exchange(pending_, std::string()); }

 private:
  std::string take(std::size_t count);

  std::string pending_;
};

}  // namespace medlar::text
