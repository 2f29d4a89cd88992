#include "text/gzip.h"

#include <zlib.h>

#include <array>

#include "base/error.h"
#include "base/types.h"

namespace medlar::text {

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

std::string gunzip(std::string_view bytes, const std::string& source) {
  constexpr std::size_t max_bytes = std::size_t{256} << 20;
  if (bytes.size() > max_bytes)
    fail(ErrorCode::limit_exceeded, "{}: over {} bytes", source, max_bytes);
  z_stream stream{};
  constexpr int gzip_window = 15 + 16;  // zlib's way to ask for the gzip wrapper
  if (inflateInit2(&stream, gzip_window) != Z_OK)
    fail(ErrorCode::out_of_memory, "no memory to decompress {}", source);
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string result;
  std::array<char, 65536> block;
  int status = Z_OK;
  while (status == Z_OK && result.size() <= max_bytes) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = inflate(&stream, Z_NO_FLUSH);
    result.append(block.data(), block.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (result.size() > max_bytes)
    fail(ErrorCode::limit_exceeded, "{}: over {} bytes once decompressed", source, max_bytes);
  if (status != Z_STREAM_END)
    fail(ErrorCode::corrupt_file, "{}: the gzip data are broken or cut", source);
  return result;
}

}  // namespace medlar::text
