#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "text/byte_range.h"

namespace medlar::text {

/// A text on its way through normalisers, each byte of which knows the bytes of the original text
/// that it came from. The rules of alignment are those of Hugging Face's tokenizers: a replaced
/// character keeps the range of the one it replaces, an inserted one takes the range of the byte
/// before it, a removed one takes its range away. Owns its text. Not thread-safe.
class AlignedText {
 public:
  struct Span {
    u32 begin;
    u32 end;
  };

  /// One output character of `transform`. change 0: it replaces the next input character; 1: it is
  /// inserted; -n: it replaces the next one and n more after it vanish.
  struct Change {
    u32 code_point;
    i64 change;
  };

  /// `text` is valid UTF-8 that starts at byte `base` of the original, at most 2^31 bytes long
  /// (throws limit_exceeded).
  AlignedText(std::string_view text, i64 base);

  const std::string& text() const { return text_; }
  /// Where the text begins in the original.
  i64 base() const { return base_; }
  /// True while every byte still stands where it stood in the original.
  bool is_identity() const { return spans_.empty(); }

  /// The original bytes of a range of the present text. An untouched text gives the very bytes.
  ByteRange original(ByteRange range) const;

  /// The span of the byte at `at` (relative to base), whole characters.
  Span span_at(i64 at) const;

  /// Replaces the whole text; `skipped` input characters at the front vanish first.
  void transform(const std::vector<Change>& changes, i64 skipped = 0);

  /// Puts `content` before the text, with the range of the first character. Nothing for an empty
  /// text.
  void prepend(std::string_view content);

  /// Puts `content` in place of each of the ascending, disjoint ranges.
  void replace(const std::vector<ByteRange>& ranges, std::string_view content);

  /// A range of the text on its own.
  AlignedText slice(ByteRange range) const;

  /// Takes over a text of the same length, byte for byte at the same place.
  void assign_in_place(std::string text);
  /// Takes over a text and one span a byte.
  void assign(std::string text, std::vector<Span> spans);

 private:
  void make_spans();
  /// Throws limit_exceeded for a text far larger than the original: a normaliser that multiplies.
  void check_growth(i64 bytes) const;

  std::string text_;
  std::vector<Span> spans_;  ///< one a byte, relative to base_; empty while the text is untouched
  i64 base_;
  i64 original_bytes_;
};

}  // namespace medlar::text
