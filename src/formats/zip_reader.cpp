#include "formats/zip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

constexpr u32 local_mark = 0x04034b50;
constexpr u32 directory_mark = 0x02014b50;
constexpr u32 end_mark = 0x06054b50;
constexpr u32 end64_mark = 0x06064b50;
constexpr u32 end64_locator_mark = 0x07064b50;
constexpr i64 end_bytes = 22;
constexpr i64 end64_locator_bytes = 20;
constexpr u32 all_32_bits = 0xffffffff;  // "look in the zip64 field"
constexpr u16 all_16_bits = 0xffff;
constexpr i64 max_inflation = 64;  // weights pack to half at best; more is a bomb

struct Directory {
  u64 offset;
  u64 bytes;
  u64 count;
};

/// An entry of the directory with where its local header begins.
struct DirectoryEntry {
  std::string name;
  ZipEntry entry;
  u64 stored_bytes = 0;
  u64 header_offset = 0;
};

/// Section 4.3.16: the end record lies before a comment of up to 65,535 bytes.
i64 find_end(Bytes archive, const ByteReader& reader) {
  const i64 last = ssize_of(archive) - end_bytes;
  for (i64 at = last; at >= 0 && at >= last - 65'535; --at) {
    ByteReader end(archive.subspan(static_cast<std::size_t>(at)), reader.source());
    if (end.read<u32>("mark") != end_mark) continue;
    end.seek(20, "comment length");
    if (end.read<u16>("comment length") == last - at) return at;
  }
  reader.corrupt("no end of a zip directory: not a zip archive, or cut off");
}

Directory read_end(Bytes archive, const std::string& source) {
  ByteReader reader(archive, source);
  const i64 at = find_end(archive, reader);
  reader.seek(at + 4, "end record");
  const u16 disk = reader.read<u16>("disk");
  const u16 directory_disk = reader.read<u16>("directory's disk");
  const u16 count_here = reader.read<u16>("entries on this disk");
  const u16 count = reader.read<u16>("entries");
  const u32 bytes = reader.read<u32>("directory size");
  const u32 offset = reader.read<u32>("directory offset");
  if (disk != directory_disk || count_here != count || (disk != 0 && disk != all_16_bits)) {
    fail(ErrorCode::unsupported, "{}: a zip archive over several disks (at byte {})", source, at);
  }
  if (at >= end64_locator_bytes) {
    reader.seek(at - end64_locator_bytes, "zip64 locator");
    if (reader.read<u32>("zip64 mark") == end64_locator_mark) {
      reader.read<u32>("disk");
      const u64 end64 = reader.read<u64>("zip64 end offset");
      if (end64 > static_cast<u64>(at)) reader.corrupt("the zip64 end lies behind the end");
      reader.seek(static_cast<i64>(end64), "zip64 end");
      if (reader.read<u32>("zip64 end mark") != end64_mark) reader.corrupt("no zip64 end here");
      reader.take(8 + 2 + 2 + 4 + 4 + 8, "zip64 end");
      const u64 count64 = reader.read<u64>("entries");
      const u64 bytes64 = reader.read<u64>("directory size");
      return {reader.read<u64>("directory offset"), bytes64, count64};
    }
  }
  return {offset, bytes, count};
}

/// Section 4.5.3: 64-bit forms of the fields that are all ones, in this order.
void read_zip64_field(ByteReader extra, DirectoryEntry& item, u64& size) {
  while (extra.remaining() > 0) {
    const u16 id = extra.read<u16>("extra field id");
    ByteReader field(extra.take(extra.read<u16>("extra field size"), "extra field"),
                     extra.source());
    if (id != 1) continue;
    for (u64* value : {&size, &item.stored_bytes, &item.header_offset}) {
      if (*value == all_32_bits) *value = field.read<u64>("zip64 value");
    }
    return;
  }
}

DirectoryEntry read_entry(ByteReader& reader) {
  if (reader.read<u32>("directory mark") != directory_mark)
    reader.corrupt("no directory entry here");
  DirectoryEntry item;
  reader.take(4, "versions");
  const u16 flags = reader.read<u16>("flags");
  const u16 method = reader.read<u16>("method");
  reader.take(4, "time and date");
  item.entry.crc = reader.read<u32>("CRC");
  item.stored_bytes = reader.read<u32>("packed size");
  u64 size = reader.read<u32>("size");
  const i64 name_bytes = reader.read<u16>("name length");
  const i64 extra_bytes = reader.read<u16>("extra length");
  const i64 comment_bytes = reader.read<u16>("comment length");
  reader.take(2 + 2 + 4, "attributes");
  item.header_offset = reader.read<u32>("header offset");
  item.name = reader.take_text(name_bytes, "name");
  read_zip64_field(ByteReader(reader.take(extra_bytes, "extra fields"), reader.source()), item,
                   size);
  reader.take(comment_bytes, "comment");

  if ((flags & 1u) != 0 || (method != 0 && method != 8)) {
    fail(ErrorCode::unsupported, "{}: entry '{}' is {} (method {}), expected stored or deflated",
         reader.source(), printable(item.name), (flags & 1u) != 0 ? "encrypted" : "packed", method);
  }
  if (size > static_cast<u64>(std::numeric_limits<i64>::max()) ||
      (method == 0 && size != item.stored_bytes)) {
    reader.corrupt(fmt::format("entry '{}' of {} bytes is stored in {}", printable(item.name), size,
                               item.stored_bytes));
  }
  item.entry.size = static_cast<i64>(size);
  item.entry.deflated = method == 8;
  return item;
}

/// Follows an entry to its local header and its bytes; returns where the two lie.
ClaimedRange locate(Bytes archive, DirectoryEntry& item, const std::string& source) {
  ByteReader reader(archive, source);
  if (item.header_offset > static_cast<u64>(reader.size())) {
    reader.corrupt(fmt::format("entry '{}' lies outside the file", printable(item.name)));
  }
  const i64 begin = static_cast<i64>(item.header_offset);
  reader.seek(begin, "local header");
  if (reader.read<u32>("local mark") != local_mark) {
    reader.corrupt(fmt::format("no local header for entry '{}'", printable(item.name)));
  }
  reader.take(22, "local header");
  const i64 name_bytes = reader.read<u16>("name length");
  const i64 extra_bytes = reader.read<u16>("extra length");
  if (reader.take_text(name_bytes, "name") != item.name) {
    reader.corrupt(
        fmt::format("entry '{}' has another name in its local header", printable(item.name)));
  }
  reader.take(extra_bytes, "extra fields");
  if (item.stored_bytes > static_cast<u64>(reader.remaining())) {
    reader.corrupt(fmt::format("entry '{}' of {} bytes does not fit the file", printable(item.name),
                               item.stored_bytes));
  }
  item.entry.stored = reader.take(static_cast<i64>(item.stored_bytes), "entry");
  return {begin, reader.position(), item.name};
}

void check_crc(Bytes bytes, u32 expected, std::string_view name, const std::string& source) {
  const uLong crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (crc != expected) {
    fail(ErrorCode::corrupt_file, "{}: entry '{}' has the CRC {:08x}, expected {:08x}", source,
         printable(name), crc, expected);
  }
}

/// Inflates into exactly `out`; false for a stream that is broken or of another length.
bool inflate_exactly(Bytes stored, std::vector<std::byte>& out) {
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  // zlib counts in 32 bits: both sides are fed in parts.
  constexpr std::size_t part = std::size_t{1} << 30;
  std::size_t read = 0;
  std::size_t written = 0;
  int status = Z_OK;
  bool is_too_long = false;
  std::byte spare{};  // where a stream that is too long would write on
  while (status == Z_OK) {
    const std::size_t in = std::min(part, stored.size() - read);
    const std::size_t room = std::min(part, out.size() - written);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stored.data() + read));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(room > 0 ? out.data() + written : &spare);
    stream.avail_out = static_cast<uInt>(std::max(room, std::size_t{1}));
    status = ::inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    const std::size_t made = std::max(room, std::size_t{1}) - stream.avail_out;
    is_too_long = made > room;
    if (is_too_long) break;
    written += made;
    if (status == Z_OK && made == 0 && in == stream.avail_in) break;
  }
  ::inflateEnd(&stream);
  return !is_too_long && status == Z_STREAM_END && written == out.size() && read == stored.size();
}

}  // namespace

ZipReader::ZipReader(Bytes archive, std::string source) : source_(std::move(source)) {
  constexpr u64 least_entry_bytes = 46;
  const Directory directory = read_end(archive, source_);
  ByteReader reader(archive, source_);
  if (directory.offset > archive.size() || directory.bytes > archive.size() - directory.offset ||
      directory.count > directory.bytes / least_entry_bytes) {
    reader.corrupt(
        fmt::format("a directory of {} entries in {} bytes at byte {} does not fit the file",
                    directory.count, directory.bytes, directory.offset));
  }
  reader.seek(static_cast<i64>(directory.offset), "directory");
  ByteReader entries(reader.take(static_cast<i64>(directory.bytes), "directory"), source_);
  std::vector<DirectoryEntry> items;
  for (u64 i = 0; i < directory.count; ++i) items.push_back(read_entry(entries));

  std::vector<ClaimedRange> ranges;
  for (DirectoryEntry& item : items) {
    ranges.push_back(locate(archive, item, source_));
    if (!entries_.emplace(item.name, item.entry).second) {
      fail(ErrorCode::corrupt_file, "{}: entry '{}' is there twice", source_, printable(item.name));
    }
  }
  check_ranges(ranges, static_cast<i64>(directory.offset), Gaps::allowed, source_);
}

ZipContent unpack(const ZipEntry& entry, std::string_view name, const std::string& source,
                  StoredCrc stored_crc) {
  if (!entry.deflated) {
    if (stored_crc == StoredCrc::checked) check_crc(entry.stored, entry.crc, name, source);
    return {entry.stored, nullptr};
  }
  constexpr i64 free_bytes = 65'536;
  if (entry.size > free_bytes && entry.size / max_inflation > ssize_of(entry.stored)) {
    fail(ErrorCode::limit_exceeded,
         "{}: entry '{}' unpacks from {} to {} bytes, the limit is {} times", source,
         printable(name), entry.stored.size(), entry.size, max_inflation);
  }
  const auto content =
      std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(entry.size));
  if (!inflate_exactly(entry.stored, *content)) {
    fail(ErrorCode::corrupt_file, "{}: entry '{}' does not unpack to its {} bytes", source,
         printable(name), entry.size);
  }
  check_crc(*content, entry.crc, name, source);
  return {*content, content};
}

}  // namespace medlar::formats
