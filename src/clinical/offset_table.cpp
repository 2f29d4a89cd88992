#include "clinical/offset_table.h"

#include <algorithm>

#include "base/error.h"

namespace medlar::clinical {
namespace {

constexpr i64 block_bytes = 256;

}  // namespace

OffsetTable::OffsetTable(std::string_view text, OffsetUnit unit) : text_(text), unit_(unit) {
  if (unit == OffsetUnit::byte) return;
  i64 count = 0;
  for (i64 begin = 0; begin <= ssize_of(text); begin += block_bytes) {
    blocks_.push_back(count);
    count += counted(begin, std::min(begin + block_bytes, ssize_of(text)));
  }
}

i64 OffsetTable::counted(i64 begin, i64 end) const {
  i64 count = 0;
  for (i64 i = begin; i < end; ++i) {
    const auto lead = static_cast<u8>(text_[static_cast<std::size_t>(i)]);
    const bool is_pair = unit_ == OffsetUnit::utf16 && lead >= 0xF0U;
    count += ((lead & 0xC0U) != 0x80U ? 1 : 0) + (is_pair ? 1 : 0);
  }
  return count;
}

i64 OffsetTable::operator()(i64 byte) const {
  if (unit_ == OffsetUnit::byte) return byte;
  const i64 block = byte / block_bytes;
  return blocks_[static_cast<std::size_t>(block)] + counted(block * block_bytes, byte);
}

std::string_view name_of(OffsetUnit unit) {
  switch (unit) {
    case OffsetUnit::byte:
      return "bytes";
    case OffsetUnit::utf16:
      return "utf-16 code units";
    default:
      return "unicode scalars";
  }
}

OffsetUnit offset_unit_named(std::string_view name) {
  if (name == "bytes") return OffsetUnit::byte;
  if (name == "scalars") return OffsetUnit::scalar;
  if (name == "utf16") return OffsetUnit::utf16;
  fail(ErrorCode::usage, "offsets are given in bytes, scalars or utf16");
}

}  // namespace medlar::clinical
