#pragma once

#include <string_view>
#include <vector>

#include "clinical/document.h"

namespace medlar::clinical {

/// Byte offsets of one text in another unit, each in constant time, for texts with many spans. The
/// text must outlive the table. Safe to read from many threads.
class OffsetTable {
 public:
  OffsetTable(std::string_view text, OffsetUnit unit);

  /// As Document::offset.
  i64 operator()(i64 byte) const;

 private:
  i64 counted(i64 begin, i64 end) const;

  std::string_view text_;
  OffsetUnit unit_;
  std::vector<i64> blocks_;  ///< units before each block
};

/// "bytes", "unicode scalars", "utf-16 code units".
std::string_view name_of(OffsetUnit unit);

/// The unit of a flag: bytes, scalars or utf16. Throws usage for another word.
OffsetUnit offset_unit_named(std::string_view name);

}  // namespace medlar::clinical
