#include "formats/picture.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/picture_codecs.h"

namespace medlar::formats {
namespace {

constexpr i64 side_limit = 1 << 16;

/// Numbers of a TIFF header, in the order of bytes that it names.
class TiffReader {
 public:
  explicit TiffReader(Bytes bytes) : bytes_(bytes) {}

  /// `count` bytes at `offset` as a number, if they are there.
  std::optional<i64> number(i64 offset, i64 count) const {
    if (offset < 0 || offset > ssize_of(bytes_) - count) return std::nullopt;
    i64 value = 0;
    for (i64 i = 0; i < count; ++i) {
      const i64 at = offset + (big_endian_ ? i : count - 1 - i);
      value = value << 8 | static_cast<i64>(bytes_[static_cast<std::size_t>(at)]);
    }
    return value;
  }
  /// "II" or "MM".
  bool read_order() {
    const std::optional<i64> mark = number(0, 2);
    big_endian_ = mark == 0x4d4d;
    return mark == 0x4949 || mark == 0x4d4d;
  }

 private:
  Bytes bytes_;
  bool big_endian_ = true;
};

bool starts_with(Bytes file, std::string_view magic) {
  return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

}  // namespace

void check_picture_size(i64 height, i64 width, const std::string& source, i64 file_bytes,
                        i64 pixels_per_byte) {
  if (height < 1 || width < 1)
    fail(ErrorCode::corrupt_file, "{}: a picture of {} x {} pixels", source, height, width);
  if (height > side_limit || width > side_limit || height * width > picture_pixels_limit) {
    fail(ErrorCode::limit_exceeded,
         "{}: {} x {} pixels are over the limit of {} a side and {} together", source, height,
         width, side_limit, picture_pixels_limit);
  }
  if (height * width / pixels_per_byte > file_bytes) {
    fail(ErrorCode::corrupt_file, "{}: {} x {} pixels cannot come from {} bytes", source, height,
         width, file_bytes);
  }
}

i64 exif_orientation(Bytes tiff) {
  constexpr i64 orientation_tag = 0x0112;
  constexpr i64 short_type = 3;
  TiffReader reader(tiff);
  if (!reader.read_order() || reader.number(2, 2) != 42) return 1;
  const i64 directory = reader.number(4, 4).value_or(-1);
  const i64 entries = reader.number(directory, 2).value_or(0);
  for (i64 i = 0; i < entries; ++i) {
    const i64 entry = directory + 2 + 12 * i;
    if (reader.number(entry, 2) != orientation_tag) continue;
    const i64 value = reader.number(entry + 8, 2).value_or(1);
    const bool valid = reader.number(entry + 2, 2) == short_type && value >= 1 && value <= 8;
    return valid ? value : 1;
  }
  return 1;
}

Picture oriented(Picture picture, i64 orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const i64 height = picture.height;
  const i64 width = picture.width;
  const bool transposes = orientation >= 5;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Picture turned = {.height = transposes ? width : height,
                    .width = transposes ? height : width,
                    .rgb = std::vector<u8>(picture.rgb.size())};
  for (i64 r = 0; r < turned.height; ++r) {
    for (i64 c = 0; c < turned.width; ++c) {
      const i64 row = transposes ? c : r;
      const i64 column = transposes ? r : c;
      const i64 from = (from_bottom ? height - 1 - row : row) * width +
                       (from_right ? width - 1 - column : column);
      std::copy_n(picture.rgb.data() + from * 3, 3, turned.rgb.data() + (r * turned.width + c) * 3);
    }
  }
  return turned;
}

Picture decode_picture(Bytes file, const std::string& source) {
  StoredPicture stored;
  if (starts_with(file, "\x89PNG\r\n\x1a\n")) {
    stored = decode_png(file, source);
  } else if (starts_with(file, "\xff\xd8\xff")) {
    stored = decode_jpeg(file, source);
  } else {
    fail(ErrorCode::unsupported, "{} is neither a PNG nor a JPEG", source);
  }
  return oriented(std::move(stored.picture), stored.orientation);
}

Picture read_picture(const std::filesystem::path& path) {
  const auto mapped = MappedFile::open(path);
  return decode_picture(mapped->bytes(), path.string());
}

}  // namespace medlar::formats
