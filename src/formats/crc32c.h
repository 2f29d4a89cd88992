#pragma once

#include "base/types.h"

namespace medlar::formats {

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4) of the bytes, continuing from `before`.
u32 crc32c(Bytes bytes, u32 before = 0);

/// The disguise in which LevelDB and TensorFlow store a CRC beside the bytes that it covers.
constexpr u32 masked_crc32c(u32 crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

}  // namespace medlar::formats
