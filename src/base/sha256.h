#pragma once

#include <string>

#include "base/types.h"

namespace medlar {

/// SHA-256 of the bytes as 64 hexadecimal digits (FIPS 180-4, section 6.2).
std::string sha256_hex(Bytes bytes);

}  // namespace medlar
