#include "formats/leveldb_table.h"

#include <utility>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/crc32c.h"

namespace medlar::formats {
namespace {

constexpr i64 footer_bytes = 48;
constexpr i64 trailer_bytes = 5;  // compression type, CRC
constexpr u64 table_magic = 0xdb4775248b80fb57;
constexpr std::size_t max_key_bytes = 512;

/// Where a block's content lies.
struct Handle {
  i64 offset;
  i64 bytes;
};

u64 read_varint(ByteReader& reader, std::string_view what) {
  u64 value = 0;
  for (u32 shift = 0; shift < 64; shift += 7) {
    const u8 byte = reader.read<u8>(what);
    value |= static_cast<u64>(byte & 0x7fu) << shift;
    if (byte < 0x80) return value;
  }
  reader.corrupt(fmt::format("{} is longer than 64 bits", what));
}

/// A length in 32 bits.
i64 read_length(ByteReader& reader, std::string_view what) {
  const u64 value = read_varint(reader, what);
  if (value > 0xffffffffu) reader.corrupt(fmt::format("{} of {}", what, value));
  return static_cast<i64>(value);
}

/// A handle of a block that begins at `least` or behind and ends before the footer.
Handle read_handle(ByteReader& reader, i64 least, i64 file_bytes) {
  const u64 offset = read_varint(reader, "block offset");
  const u64 bytes = read_varint(reader, "block size");
  const u64 end = static_cast<u64>(file_bytes - footer_bytes - trailer_bytes);
  if (file_bytes < footer_bytes + trailer_bytes || offset > end || bytes > end - offset) {
    reader.corrupt(
        fmt::format("a block of {} bytes at byte {} does not fit the file", bytes, offset));
  }
  if (static_cast<i64>(offset) < least) {
    reader.corrupt(fmt::format("the block at byte {} overlaps the one before it", offset));
  }
  return {static_cast<i64>(offset), static_cast<i64>(bytes)};
}

Bytes read_block(Bytes file, const Handle& handle, const std::string& source) {
  ByteReader reader(file, source);
  reader.seek(handle.offset, "block");
  const Bytes covered = reader.take(handle.bytes + 1, "block");
  if (reader.read<u32>("block CRC") != masked_crc32c(crc32c(covered))) {
    reader.corrupt(fmt::format("the CRC of the block at byte {} does not agree", handle.offset));
  }
  const std::byte compression = covered.back();
  if (compression == std::byte{1}) {
    fail(ErrorCode::unsupported, "{}: the block at byte {} is compressed with snappy", source,
         handle.offset);
  }
  if (compression != std::byte{0}) {
    reader.corrupt(fmt::format("a block of compression type {}", static_cast<int>(compression)));
  }
  return covered.first(covered.size() - 1);
}

/// Pairs of one block: keys share a prefix with the key before them; restart offsets follow the
/// pairs.
void read_pairs(Bytes block, i64 file_offset, const std::string& source,
                const VisitTablePair& visit) {
  ByteReader whole(block, source);
  if (whole.size() < 4) whole.corrupt("a block without restarts");
  whole.seek(whole.size() - 4, "restart count");
  const i64 restarts = whole.read<u32>("restart count");
  if (restarts > (whole.size() - 4) / 4)
    whole.corrupt(fmt::format("{} restarts in a block", restarts));
  const i64 pairs_bytes = whole.size() - 4 - 4 * restarts;
  ByteReader reader(block.first(static_cast<std::size_t>(pairs_bytes)), source);
  std::string key;
  while (reader.remaining() > 0) {
    const i64 shared = read_length(reader, "shared key length");
    const i64 own = read_length(reader, "key length");
    const i64 value_bytes = read_length(reader, "value length");
    if (shared > ssize_of(key)) reader.corrupt("a key shares more than the key before it has");
    if (shared + own > static_cast<i64>(max_key_bytes)) {
      fail(ErrorCode::limit_exceeded, "{}: a key of {} bytes, the limit is {}", source,
           shared + own, max_key_bytes);
    }
    key.resize(static_cast<std::size_t>(shared));
    key += reader.take_text(own, "key");
    const i64 position = file_offset + reader.position();
    visit(key, reader.take(value_bytes, "value"), position);
  }
}

}  // namespace

void read_leveldb_table(Bytes file, const std::string& source, const VisitTablePair& visit) {
  ByteReader reader(file, source);
  if (reader.size() < footer_bytes) reader.corrupt("too short for a table's footer");
  reader.seek(reader.size() - 8, "footer");
  if (reader.read<u64>("magic") != table_magic) reader.corrupt("no table magic at the end");
  ByteReader footer(file.subspan(file.size() - footer_bytes, footer_bytes - 8), source);
  read_handle(footer, 0, reader.size());  // of the meta index, which holds nothing of use
  const Handle index = read_handle(footer, 0, reader.size());

  i64 blocks_end = 0;
  bool is_first = true;
  std::string previous;
  read_pairs(read_block(file, index, source), index.offset, source,
             [&](std::string_view, Bytes value, i64) {
               ByteReader handle_reader(value, source);
               const Handle handle = read_handle(handle_reader, blocks_end, reader.size());
               blocks_end = handle.offset + handle.bytes + trailer_bytes;
               const Bytes block = read_block(file, handle, source);
               read_pairs(
                   block, handle.offset, source, [&](std::string_view key, Bytes bytes, i64 at) {
                     if (!is_first && key <= previous) {
                       fail(ErrorCode::corrupt_file,
                            "{}: the keys of the table do not rise (at byte {})", source, at);
                     }
                     is_first = false;
                     previous = key;
                     visit(key, bytes, at);
                   });
             });
}

}  // namespace medlar::formats
