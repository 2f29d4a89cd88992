// PNG through libpng. The library reports errors by longjmp: what may jump stands in functions that
// own nothing, and all memory belongs to a reader that outlives them.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/picture_codecs.h"

namespace medlar::formats {
namespace {

/// A byte of deflate data stands for at most 1032 (RFC 1951: a bit each for length and distance of
/// 258 bytes), and a byte of a row for at most 8 pixels.
constexpr i64 inflation_limit = 1032;
constexpr i64 pixels_per_stored_byte = 8;
/// Of a chunk beside the picture: text, colour profile, EXIF.
constexpr png_alloc_size_t chunk_bytes_limit = 1 << 20;
constexpr png_uint_32 chunk_count_limit = 32;

/// Every chunk must lie within the file: libpng takes memory for some by their stated length alone.
void check_chunks(Bytes file, const std::string& source) {
  constexpr i64 signature_bytes = 8;
  constexpr i64 frame_bytes = 12;  // length, type, checksum
  ByteReader reader(file, source);
  reader.take(signature_bytes, "the signature");
  while (reader.remaining() > 0) {
    i64 length = 0;
    for (const std::byte b : reader.take(4, "the length of a chunk"))
      length = length << 8 | static_cast<i64>(b);
    const std::string_view type = reader.take_text(4, "the type of a chunk");
    reader.take(length + frame_bytes - 8, "a chunk");
    if (type == "IEND") return;
  }
}

class PngReader {
 public:
  PngReader(Bytes file, const std::string& source)
      : rest_(file),
        source_(source),
        png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning)) {
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      fail(ErrorCode::out_of_memory, "{}: no memory for libpng", source);
    }
    png_set_read_fn(png_, this, read_bytes);
    png_set_chunk_malloc_max(png_, chunk_bytes_limit);
    png_set_chunk_cache_max(png_, chunk_count_limit);
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  StoredPicture read() {
    const i64 file_bytes = ssize_of(rest_);
    require(read_header());
    Picture picture = {.height = png_get_image_height(png_, info_),
                       .width = png_get_image_width(png_, info_),
                       .rgb = {}};
    check_picture_size(picture.height, picture.width, source_, file_bytes,
                       inflation_limit * pixels_per_stored_byte);
    const auto stored_row = static_cast<i64>(png_get_rowbytes(png_, info_));
    if (picture.height * stored_row / inflation_limit > file_bytes) {
      fail(ErrorCode::corrupt_file, "{}: {} rows of {} bytes cannot come from {} bytes", source_,
           picture.height, stored_row, file_bytes);
    }
    require(ask_for_rgb());
    if (static_cast<i64>(png_get_rowbytes(png_, info_)) != picture.width * 3)
      fail(ErrorCode::unsupported, "{}: its pixels do not become 8-bit RGB", source_);
    picture.rgb.resize(static_cast<std::size_t>(picture.height * picture.width * 3));
    for (i64 r = 0; r < picture.height; ++r)
      rows_.push_back(picture.rgb.data() + r * picture.width * 3);
    require(read_rows());
    return {.picture = std::move(picture), .orientation = orientation()};
  }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(reader->message_, message, sizeof(reader->message_) - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  static void read_bytes(png_structp png, png_bytep to, png_size_t count) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > reader->rest_.size()) png_error(png, "the file ends early");
    std::memcpy(to, reader->rest_.data(), count);
    reader->rest_ = reader->rest_.subspan(count);
  }

  void require(bool done) const {
    if (!done) fail(ErrorCode::corrupt_file, "{}: {}", source_, message_);
  }

  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_info(png_, info_);
    return true;
  }

  bool ask_for_rgb() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_palette_to_rgb(png_);
    if (png_get_color_type(png_, info_) == PNG_COLOR_TYPE_GRAY)
      png_set_expand_gray_1_2_4_to_8(png_);
    png_set_scale_16(png_);
    png_set_strip_alpha(png_);
    png_set_gray_to_rgb(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_rows() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_image(png_, rows_.data());
    png_read_end(png_, info_);
    return true;
  }

  i64 orientation() const {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0) return 1;
    return exif_orientation({reinterpret_cast<const std::byte*>(exif), size});
  }

  Bytes rest_;
  const std::string& source_;
  png_structp png_;
  png_infop info_ = nullptr;
  std::vector<png_bytep> rows_;
  char message_[160] = {};
};

}  // namespace

StoredPicture decode_png(Bytes file, const std::string& source) {
  check_chunks(file, source);
  return PngReader(file, source).read();
}

}  // namespace medlar::formats
