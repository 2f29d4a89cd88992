#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/types.h"

namespace medlar::formats {

/// One file inside a zip archive, as the central directory has it.
struct ZipEntry {
  Bytes stored;  ///< as it lies in the archive, maybe compressed
  i64 size = 0;  ///< when unpacked
  u32 crc = 0;
  bool deflated = false;
};

/// The central directory of a zip archive, zip64 included (APPNOTE.TXT 6.3, sections 4.3 and 4.5).
/// Does not own the archive's bytes; immutable after construction.
class ZipReader {
 public:
  /// Reads and checks the directory: entries within the file, not overlapping, no name twice.
  /// Throws corrupt_file, unsupported (encryption, another method than stored and deflate, several
  /// disks).
  ZipReader(Bytes archive, std::string source);

  const std::map<std::string, ZipEntry, std::less<>>& entries() const { return entries_; }
  const std::string& source() const { return source_; }

 private:
  std::string source_;
  std::map<std::string, ZipEntry, std::less<>> entries_;
};

/// Whether unpacking also compares the CRC-32 of a stored entry; a deflated one always is.
enum class StoredCrc { checked, skipped };

/// The content of an entry and what keeps it alive.
struct ZipContent {
  Bytes bytes;                        ///< a view of the archive where the entry is stored
  std::shared_ptr<const void> owner;  ///< null where it is
};

/// Throws corrupt_file (size or CRC differ), limit_exceeded (more than 64 times the packed size).
ZipContent unpack(const ZipEntry& entry, std::string_view name, const std::string& source,
                  StoredCrc stored_crc);

}  // namespace medlar::formats
