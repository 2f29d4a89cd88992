#pragma once

#include <string>

#include "formats/picture.h"

namespace medlar::formats {

/// A picture as stored, and how it is to be turned.
struct StoredPicture {
  Picture picture;
  i64 orientation = 1;
};

StoredPicture decode_png(Bytes file, const std::string& source);
StoredPicture decode_jpeg(Bytes file, const std::string& source);

/// Orientation in a TIFF header with its first directory (EXIF); 1 where it cannot be read, since a
/// broken note spoils no picture.
i64 exif_orientation(Bytes tiff);

/// Throws limit_exceeded or corrupt_file for sides that are out of bounds, or that a file of so
/// many bytes cannot fill at `pixels_per_byte`.
void check_picture_size(i64 height, i64 width, const std::string& source, i64 file_bytes,
                        i64 pixels_per_byte);

}  // namespace medlar::formats
