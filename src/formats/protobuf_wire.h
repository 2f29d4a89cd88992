#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "base/types.h"

namespace medlar::formats {

/// One field of a protocol-buffer message: its number and one undecoded value.
struct WireField {
  enum class Kind { varint, fixed64, bytes, fixed32 };

  i64 number = 0;
  Kind kind = Kind::varint;
  u64 value = 0;     ///< varint and fixed kinds
  Bytes bytes;       ///< the bytes kind; a view of the message
  i64 position = 0;  ///< where the value lies in the outermost file
};

/// Walks the fields of one message of the protocol-buffer wire format
/// (https://protobuf.dev/programming-guides/encoding). Groups, long gone from the language, are
/// refused. Does not own the bytes; returned views live as long as they do. Not thread-safe.
class WireReader {
 public:
  WireReader(Bytes message, std::string source, i64 file_offset = 0)
      : reader_(message, std::move(source)), file_offset_(file_offset) {}
  /// The message inside a field of the bytes kind.
  WireReader(const WireField& field, std::string source)
      : WireReader(field.bytes, std::move(source), field.position) {}

  /// The next field; empty at the end. Throws corrupt_file.
  std::optional<WireField> next();

  const std::string& source() const { return reader_.source(); }

  // The value of a field as one type. Throws corrupt_file, naming `what`, if the field is of
  // another kind.
  i64 integer(const WireField& field, std::string_view what) const;
  float number(const WireField& field, std::string_view what) const;
  bool flag(const WireField& field, std::string_view what) const;
  std::string text(const WireField& field, std::string_view what) const;
  Bytes bytes(const WireField& field, std::string_view what) const;

 private:
  u64 read_varint(std::string_view what);
  void expect_kind(const WireField& field, WireField::Kind kind, std::string_view what) const;

  ByteReader reader_;
  i64 file_offset_;
};

}  // namespace medlar::formats
