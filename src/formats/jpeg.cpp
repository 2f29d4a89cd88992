// JPEG through libjpeg-turbo. The library reports errors by a callback that may not return: what
// may jump stands in functions that own nothing, and all memory belongs to a reader that outlives
// them.
#include <cstdio>
// jpeglib.h needs size_t and FILE.
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <cstring>

#include "base/error.h"
#include "formats/picture_codecs.h"

namespace medlar::formats {
namespace {

/// A block of 8 x 8 pixels takes at least a bit of its DC code (ITU-T T.81, F.1.2), so that a byte
/// stands for at most 512 pixels.
constexpr i64 pixels_per_byte = 512;
/// Progressive files have about ten scans; each costs a pass over the picture.
constexpr int scan_limit = 100;
constexpr unsigned exif_marker = JPEG_APP0 + 1;
constexpr unsigned marker_bytes_limit = 0xffff;

class JpegReader {
 public:
  JpegReader(Bytes file, const std::string& source) : file_(file), source_(source) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    progress_.progress_monitor = on_progress;
    jpeg_.client_data = this;
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }

  StoredPicture read() {
    require(read_header());
    Picture picture = {.height = jpeg_.image_height, .width = jpeg_.image_width, .rgb = {}};
    check_picture_size(picture.height, picture.width, source_, ssize_of(file_), pixels_per_byte);
    const i64 channels = jpeg_.out_color_space == JCS_CMYK ? 4 : 3;
    picture.rgb.resize(static_cast<std::size_t>(picture.height * picture.width * 3));
    line_.resize(static_cast<std::size_t>(picture.width * channels));
    pixels_ = picture.rgb.data();
    require(read_lines());
    return {.picture = std::move(picture), .orientation = orientation()};
  }

 private:
  static JpegReader& reader_of(j_common_ptr jpeg) {
    return *static_cast<JpegReader*>(jpeg->client_data);
  }
  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    jpeg->err->format_message(jpeg, reader_of(jpeg).message_);
    std::longjmp(reader_of(jpeg).jump_, 1);
  }
  /// A picture whose data ends early is refused; other warnings do not change what a viewer shows.
  static void on_message(j_common_ptr jpeg, int level) {
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) on_error(jpeg);
  }
  static void on_progress(j_common_ptr jpeg) {
    JpegReader& reader = reader_of(jpeg);
    if (reader.jpeg_.input_scan_number <= scan_limit) return;
    std::snprintf(reader.message_, sizeof(reader.message_), "more than %d scans", scan_limit);
    std::longjmp(reader.jump_, 1);
  }

  void require(bool done) const {
    if (!done) fail(ErrorCode::corrupt_file, "{}: {}", source_, message_);
  }

  bool read_header() {
    if (setjmp(jump_) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
    jpeg_save_markers(&jpeg_, static_cast<int>(exif_marker), marker_bytes_limit);
    jpeg_read_header(&jpeg_, TRUE);
    const bool four_inks = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    jpeg_.out_color_space = four_inks ? JCS_CMYK : JCS_RGB;
    return true;
  }

  bool read_lines() {
    if (setjmp(jump_) != 0) return false;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      u8* to = pixels_ + static_cast<i64>(jpeg_.output_scanline) * jpeg_.output_width * 3;
      JSAMPROW line = line_.data();
      jpeg_read_scanlines(&jpeg_, &line, 1);
      copy_line(to);
    }
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  void copy_line(u8* to) const {
    if (jpeg_.out_color_space != JCS_CMYK) {
      std::memcpy(to, line_.data(), line_.size());
      return;
    }
    // Adobe stores inks upside down: 255 is none.
    for (i64 i = 0; i < ssize_of(line_); i += 4) {
      const auto light = [&](i64 ink) {
        const i64 value = line_[static_cast<std::size_t>(i + ink)];
        return jpeg_.saw_Adobe_marker != 0 ? value : 255 - value;
      };
      for (i64 c = 0; c < 3; ++c) *to++ = static_cast<u8>(light(c) * light(3) / 255);
    }
  }

  i64 orientation() const {
    constexpr std::string_view mark("Exif\0\0", 6);
    for (const jpeg_marker_struct* m = jpeg_.marker_list; m != nullptr; m = m->next) {
      const Bytes data(reinterpret_cast<const std::byte*>(m->data), m->data_length);
      if (m->marker == exif_marker && data.size() > mark.size() &&
          std::memcmp(data.data(), mark.data(), mark.size()) == 0) {
        return exif_orientation(data.subspan(mark.size()));
      }
    }
    return 1;
  }

  Bytes file_;
  const std::string& source_;
  jpeg_decompress_struct jpeg_ = {};
  jpeg_error_mgr errors_ = {};
  jpeg_progress_mgr progress_ = {};
  std::jmp_buf jump_ = {};
  std::vector<u8> line_;
  u8* pixels_ = nullptr;
  char message_[JMSG_LENGTH_MAX] = {};
};

}  // namespace

StoredPicture decode_jpeg(Bytes file, const std::string& source) {
  return JpegReader(file, source).read();
}

}  // namespace medlar::formats
