// Pictures that tests make themselves, and what hostile files lead to.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
// jpeglib.h needs size_t and FILE.
#include <jpeglib.h>

#include "formats/picture.h"
#include "test_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;

std::string big_endian(u32 value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xff);
  return text;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto crc =
      ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<u32>(data.size())) + body + big_endian(static_cast<u32>(crc));
}

std::string deflated(const std::string& raw) {
  uLongf size = ::compressBound(raw.size());
  std::string out(size, '\0');
  ::compress(reinterpret_cast<Bytef*>(out.data()), &size,
             reinterpret_cast<const Bytef*>(raw.data()), raw.size());
  out.resize(size);
  return out;
}

struct Png {
  u32 width, height;
  char depth, colour;     // colour: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
  std::string rows;       // each with its filter byte
  std::string ancillary;  // chunks between header and data
};

constexpr std::string_view png_mark("\x89PNG\r\n\x1a\n", 8);

std::string file_of(const Png& png) {
  const std::string header = big_endian(png.width) + big_endian(png.height) + png.depth +
                             png.colour + std::string(3, '\0');
  return std::string(png_mark) + chunk("IHDR", header) + png.ancillary +
         chunk("IDAT", deflated(png.rows)) + chunk("IEND", "");
}

Picture decoded(const std::string& file) { return decode_picture(bytes_of_text(file), "test"); }

ErrorCode code_of(const std::string& file) {
  try {
    decoded(file);
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "decoded";
  return ErrorCode::internal;
}

using Rgb = std::vector<u8>;

TEST(Picture, PngOfEachKindBecomesRgb) {
  EXPECT_EQ(decoded(file_of({1, 2, 8, 2, std::string("\0abc\0def", 8), ""})).rgb,
            (Rgb{'a', 'b', 'c', 'd', 'e', 'f'}));
  // Transparency is dropped, not shown on a background.
  EXPECT_EQ(decoded(file_of({1, 1, 8, 6, std::string("\0abc\0", 5), ""})).rgb,
            (Rgb{'a', 'b', 'c'}));
  EXPECT_EQ(decoded(file_of({1, 1, 8, 4, std::string("\0a\0", 3), ""})).rgb, (Rgb{'a', 'a', 'a'}));
  // One bit: white, then black.
  EXPECT_EQ(decoded(file_of({2, 1, 1, 0, std::string("\0\x80", 2), ""})).rgb,
            (Rgb{255, 255, 255, 0, 0, 0}));
  // 16 bits are rounded: 0x0180 / 257 = 1.49, 0x0181 / 257 = 1.498, 0x0182 / 257 = 1.502.
  EXPECT_EQ(decoded(file_of({2, 1, 16, 0, std::string("\0\x01\x81\x01\x82", 5), ""})).rgb,
            (Rgb{1, 1, 1, 2, 2, 2}));
  const std::string palette = chunk("PLTE", "abcdef") + chunk("tRNS", std::string("\0\0", 2));
  EXPECT_EQ(decoded(file_of({2, 1, 8, 3, std::string("\0\1\0", 3), palette})).rgb,
            (Rgb{'d', 'e', 'f', 'a', 'b', 'c'}));
}

/// EXIF with nothing but an orientation, in either order of bytes.
std::string exif(char order, char orientation) {
  const bool big = order == 'M';
  const auto number = [&](u32 value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i)
      text += static_cast<char>(value >> 8 * (big ? bytes - 1 - i : i) & 0xff);
    return text;
  };
  return std::string(2, order) + number(42, 2) + number(8, 4) + number(1, 2) + number(0x0112, 2) +
         number(3, 2) + number(1, 4) + number(static_cast<u32>(orientation), 2) + number(0, 2) +
         number(0, 4);
}

TEST(Picture, ExifOrientationIsApplied) {
  // Stored: a b / c d / e f.
  const Picture stored = {
      .height = 3,
      .width = 2,
      .rgb = {'a', 0, 0, 'b', 0, 0, 'c', 0, 0, 'd', 0, 0, 'e', 0, 0, 'f', 0, 0}};
  const auto letters = [](const Picture& picture) {
    std::string text = std::to_string(picture.height) + "x" + std::to_string(picture.width) + " ";
    for (std::size_t i = 0; i < picture.rgb.size(); i += 3)
      text += static_cast<char>(picture.rgb[i]);
    return text;
  };
  const char* const expected[] = {"3x2 abcdef", "3x2 abcdef", "3x2 badcfe",
                                  "3x2 fedcba", "3x2 efcdab", "2x3 acebdf",
                                  "2x3 ecafdb", "2x3 fdbeca", "2x3 bdface"};
  for (i64 i = 0; i <= 8; ++i) EXPECT_EQ(letters(oriented(stored, i)), expected[i]) << i;
  for (const char order : {'I', 'M'}) {
    const Picture turned =
        decoded(file_of({1, 2, 8, 2, std::string("\0abc\0def", 8), chunk("eXIf", exif(order, 6))}));
    EXPECT_EQ(turned.height, 1);
    EXPECT_EQ(turned.rgb, (Rgb{'d', 'e', 'f', 'a', 'b', 'c'}));
  }
  // A broken note spoils no picture.
  const std::string cut = exif('I', 6).substr(0, 13);
  EXPECT_EQ(decoded(file_of({1, 2, 8, 2, std::string("\0abc\0def", 8), chunk("eXIf", cut)})).height,
            2);
}

std::string jpeg_of(int side, bool progressive) {
  jpeg_compress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long size = 0;  // as the library declares it
  jpeg_mem_dest(&jpeg, &memory, &size);
  jpeg.image_width = jpeg.image_height = static_cast<JDIMENSION>(side);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<unsigned char> line(static_cast<std::size_t>(side) * 3, 100);
  for (int r = 0; r < side; ++r) {
    JSAMPROW row = line.data();
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string file(reinterpret_cast<char*>(memory), size);
  std::free(memory);
  return file;
}

TEST(Picture, JpegBaselineAndProgressive) {
  for (const bool progressive : {false, true}) {
    const Picture picture = decoded(jpeg_of(40, progressive));
    EXPECT_EQ(picture.height, 40);
    EXPECT_EQ(picture.width, 40);
    for (const u8 value : picture.rgb) ASSERT_NEAR(value, 100, 1);
  }
}

TEST(Picture, HostileFiles) {
  EXPECT_EQ(code_of(""), ErrorCode::unsupported);
  EXPECT_EQ(code_of("GIF89a"), ErrorCode::unsupported);
  const std::string png = file_of({1, 2, 8, 2, std::string("\0abc\0def", 8), ""});
  const std::string jpeg = jpeg_of(40, true);
  for (std::size_t size = 8; size + 12 < png.size(); ++size)
    EXPECT_EQ(code_of(png.substr(0, size)), ErrorCode::corrupt_file) << size;
  for (std::size_t size = 3; size + 2 < jpeg.size(); ++size)
    EXPECT_EQ(code_of(jpeg.substr(0, size)), ErrorCode::corrupt_file) << size;
  // Sides that the bytes cannot fill are refused before memory is taken for them.
  EXPECT_EQ(code_of(file_of({40000, 40000, 8, 2, "", ""})), ErrorCode::limit_exceeded);
  EXPECT_EQ(code_of(file_of({10000, 10000, 8, 2, "", ""})), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(file_of({0, 1, 8, 2, "", ""})), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(file_of({0x7fffffff, 0x7fffffff, 8, 2, "", ""})), ErrorCode::corrupt_file);
  // A chunk that says it is larger than the file.
  std::string boast = file_of({1, 1, 8, 0, std::string("\0a", 2), chunk("eXIf", exif('M', 6))});
  boast[boast.find("eXIf") - 4] = '\x70';
  EXPECT_EQ(code_of(boast), ErrorCode::corrupt_file);
  std::string wide = jpeg;
  const std::size_t frame = wide.find("\xff\xc2");
  ASSERT_NE(frame, std::string::npos);
  for (std::size_t i = 5; i < 9; ++i) wide[frame + i] = '\x60';
  EXPECT_EQ(code_of(wide), ErrorCode::limit_exceeded);
  // A damaged byte anywhere may change the picture, never more.
  for (std::size_t i = 0; i < jpeg.size(); ++i) {
    std::string damaged = jpeg;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
    try {
      decoded(damaged);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal);
    }
  }
}

}  // namespace
}  // namespace medlar::formats
