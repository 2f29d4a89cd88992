#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/types.h"

namespace medlar::formats {

/// A decoded picture: 8 bits of red, green and blue a pixel.
struct Picture {
  i64 height = 0;
  i64 width = 0;
  std::vector<u8> rgb;  ///< [height, width, 3]
};

/// Most pixels that a picture may have, whatever its file says.
constexpr i64 picture_pixels_limit = i64{1} << 27;

/// Decodes a PNG (W3C PNG specification, third edition) or JPEG (ITU-T T.81), told apart by their
/// first bytes, to what its viewer shows: grey and palettes become RGB, alpha and transparent
/// colours are dropped, 16 bits are rounded to 8 as round(v / 257), the EXIF orientation is
/// applied. No allocation is larger than the file justifies. Throws corrupt_file, unsupported,
/// limit_exceeded.
Picture decode_picture(Bytes file, const std::string& source);

/// Reads and decodes a file. Throws not_found and io, too.
Picture read_picture(const std::filesystem::path& path);

/// Turned upright: `orientation` is EXIF's, 1 to 8 (CIPA DC-008, tag 0x0112); others change
/// nothing.
Picture oriented(Picture picture, i64 orientation);

}  // namespace medlar::formats
