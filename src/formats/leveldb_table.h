#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace medlar::formats {

/// Called for each pair of a table in order; the views live during the call.
using VisitTablePair = std::function<void(std::string_view key, Bytes value, i64 value_position)>;

/// Reads a sorted string table (LevelDB doc/table_format.md) from front to back. Keys must rise,
/// blocks must not overlap, CRCs must agree, keys have at most 512 bytes. Throws corrupt_file,
/// limit_exceeded, and unsupported for compressed blocks.
void read_leveldb_table(Bytes file, const std::string& source, const VisitTablePair& visit);

}  // namespace medlar::formats
