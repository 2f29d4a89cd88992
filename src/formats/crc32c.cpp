#include "formats/crc32c.h"

#include <array>
#include <cstring>

namespace medlar::formats {
namespace {

/// tables[k][b]: the CRC of byte b followed by k zero bytes, so that eight bytes take one step.
constexpr std::array<std::array<u32, 256>, 8> make_tables() {
  constexpr u32 reversed_polynomial = 0x82f63b78;
  std::array<std::array<u32, 256>, 8> tables{};
  for (u32 byte = 0; byte < 256; ++byte) {
    u32 crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1u) != 0 ? reversed_polynomial : 0u);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const u32 crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8 ^ tables[0][crc & 0xffu];
    }
  }
  return tables;
}

constexpr std::array<std::array<u32, 256>, 8> tables = make_tables();

}  // namespace

u32 crc32c(Bytes bytes, u32 before) {
  u32 crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    u64 word = 0;
    std::memcpy(&word, at, sizeof(word));
    word ^= crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= tables[7 - k][word >> (8 * k) & 0xffu];
  }
  for (; left > 0; --left, ++at) crc = crc >> 8 ^ tables[0][(crc ^ static_cast<u32>(*at)) & 0xffu];
  return ~crc;
}

}  // namespace medlar::formats
