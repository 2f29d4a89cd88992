#pragma once

#include <string>
#include <string_view>

namespace medlar::text {

/// True if the bytes begin as a gzip file does (RFC 1952).
bool is_gzip(std::string_view bytes);

/// Decompresses a gzip file. Throws corrupt_file, and limit_exceeded for more than 256 MiB.
std::string gunzip(std::string_view bytes, const std::string& source);

}  // namespace medlar::text
