#include "text/byte_alphabet.h"

#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr bool stands_for_itself(u32 byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) ||
         (byte >= 0xae && byte <= 0xff);
}

constexpr std::array<u32, 256> table = [] {
  std::array<u32, 256> characters{};
  u32 next = 256;
  for (u32 byte = 0; byte < 256; ++byte) characters[byte] = stands_for_itself(byte) ? byte : next++;
  return characters;
}();

/// The byte of each character below 324 (the table's last), or -1.
constexpr std::array<i32, 324> inverse = [] {
  std::array<i32, 324> bytes{};
  for (i32& byte : bytes) byte = -1;
  for (u32 byte = 0; byte < 256; ++byte) bytes[table[byte]] = static_cast<i32>(byte);
  return bytes;
}();

}  // namespace

std::array<u32, 256> byte_alphabet() { return table; }

std::string to_byte_alphabet(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (char byte : bytes) append_utf8(text, table[static_cast<u8>(byte)]);
  return text;
}

std::optional<std::string> from_byte_alphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (i64 at = 0; at < ssize_of(text);) {
    const CodePoint point = code_point_at(text, at);
    if (point.value >= inverse.size() || inverse[point.value] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(static_cast<u8>(inverse[point.value])));
    at += point.bytes;
  }
  return bytes;
}

}  // namespace medlar::text
