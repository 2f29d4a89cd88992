#pragma once

#include <string>
#include <string_view>

#include "text/byte_range.h"

namespace medlar::clinical {

using text::ByteRange;

/// Units in which offsets are given out.
enum class OffsetUnit {
  byte,    ///< of UTF-8
  scalar,  ///< Unicode scalar values
  utf16,   ///< UTF-16 code units, as browsers count
};

/// The text of one note or record: UTF-8, checked once, never changed. Cheap to move, not to copy.
class Document {
 public:
  /// Throws invalid_argument with the offset of the first byte that is not UTF-8.
  explicit Document(std::string text, std::string id = {});

  std::string_view text() const { return text_; }
  std::string_view text(ByteRange range) const;
  const std::string& id() const { return id_; }
  /// SHA-256 of the bytes, 64 hexadecimal digits.
  const std::string& digest() const { return digest_; }
  /// Where a byte offset at the begin of a character stands in another unit.
  i64 offset(i64 byte, OffsetUnit unit) const;

 private:
  std::string text_;
  std::string id_;
  std::string digest_;
};

}  // namespace medlar::clinical
