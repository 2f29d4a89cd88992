#include "formats/protobuf_wire.h"

#include <bit>

#include "base/error.h"

namespace medlar::formats {

std::optional<WireField> WireReader::next() {
  if (reader_.remaining() == 0) return std::nullopt;
  const u64 key = read_varint("field key");
  WireField field;
  field.number = static_cast<i64>(key >> 3);
  if (field.number < 1 || field.number >= (i64{1} << 29)) {
    reader_.corrupt(fmt::format("field number {} is out of range", field.number));
  }
  field.position = file_offset_ + reader_.position();
  switch (key & 7u) {
    case 0:
      field.kind = WireField::Kind::varint;
      field.value = read_varint("field value");
      break;
    case 1:
      field.kind = WireField::Kind::fixed64;
      field.value = reader_.read<u64>("field value");
      break;
    case 2: {
      const u64 size = read_varint("field size");
      if (size > static_cast<u64>(reader_.remaining())) {
        reader_.corrupt(fmt::format("field {} of {} bytes does not fit the {} bytes left",
                                    field.number, size, reader_.remaining()));
      }
      field.kind = WireField::Kind::bytes;
      field.position = file_offset_ + reader_.position();
      field.bytes = reader_.take(static_cast<i64>(size), "field bytes");
      break;
    }
    case 5:
      field.kind = WireField::Kind::fixed32;
      field.value = reader_.read<u32>("field value");
      break;
    default:
      reader_.corrupt(fmt::format("field {} has the unknown wire type {}", field.number, key & 7u));
  }
  return field;
}

i64 WireReader::integer(const WireField& field, std::string_view what) const {
  expect_kind(field, WireField::Kind::varint, what);
  return static_cast<i64>(field.value);
}

float WireReader::number(const WireField& field, std::string_view what) const {
  expect_kind(field, WireField::Kind::fixed32, what);
  return std::bit_cast<float>(static_cast<u32>(field.value));
}

bool WireReader::flag(const WireField& field, std::string_view what) const {
  return integer(field, what) != 0;
}

std::string WireReader::text(const WireField& field, std::string_view what) const {
  const Bytes view = bytes(field, what);
  return {reinterpret_cast<const char*>(view.data()), view.size()};
}

Bytes WireReader::bytes(const WireField& field, std::string_view what) const {
  expect_kind(field, WireField::Kind::bytes, what);
  return field.bytes;
}

u64 WireReader::read_varint(std::string_view what) {
  u64 value = 0;
  for (u32 shift = 0; shift < 64; shift += 7) {
    const u8 byte = reader_.read<u8>(what);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<u64>(byte & 0x7fu) << shift;
    if (byte < 0x80) return value;
  }
  reader_.corrupt(fmt::format("{} is longer than 64 bits", what));
}

void WireReader::expect_kind(const WireField& field, WireField::Kind kind,
                             std::string_view what) const {
  if (field.kind == kind) return;
  fail(ErrorCode::corrupt_file, "{}: {} is stored as wire kind {}, expected {} (at byte {})",
       source(), what, static_cast<int>(field.kind), static_cast<int>(kind), field.position);
}

}  // namespace medlar::formats
