#include "text/charsmap.h"

#include "base/byte_reader.h"
#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {

// Units of darts-clone (double_array unit layout): bit 8 has_leaf, bits 0-7 and 31 the label, bits
// 0-30 the value of a leaf, bits 10-30 the offset, shifted by 8 where bit 9 is set.

CharsMap::CharsMap(std::string_view blob) {
  if (blob.empty()) return;
  ByteReader reader(std::as_bytes(std::span(blob.data(), blob.size())),
                    "precompiled character map");
  const u32 trie_bytes = reader.read<u32>("size of the trie");
  if (trie_bytes % 4 != 0 || trie_bytes > reader.remaining())
    reader.corrupt("the trie's size is wrong");
  const i64 units = trie_bytes / 4;
  units_.reserve(static_cast<std::size_t>(units));
  for (i64 i = 0; i < units; ++i) units_.push_back(reader.read<u32>("unit of the trie"));
  replacements_ = reader.take_text(reader.remaining(), "replacements");
  check_utf8(replacements_);
}

std::optional<CharsMap::Match> CharsMap::longest(std::string_view text) const {
  return search(text, Wanted::longest);
}

std::optional<CharsMap::Match> CharsMap::shortest(std::string_view text) const {
  return search(text, Wanted::shortest);
}

std::optional<CharsMap::Match> CharsMap::search(std::string_view text, Wanted wanted) const {
  if (units_.empty()) return std::nullopt;
  const auto offset_of = [](u32 unit) -> u64 {
    return static_cast<u64>(unit >> 10) << ((unit & 0x200u) >> 6);
  };
  std::optional<Match> found;
  u64 at = offset_of(units_[0]);
  i64 size = 0;
  for (char byte : text) {
    ++size;
    at ^= static_cast<u8>(byte);
    if (at >= units_.size()) break;
    const u32 unit = units_[at];
    if ((unit & 0x800000ffu) != static_cast<u8>(byte)) break;
    at ^= offset_of(unit);
    if (at >= units_.size()) break;
    if ((unit & 0x100u) == 0) continue;
    const std::size_t begin = units_[at] & 0x7fffffffu;
    if (begin >= replacements_.size()) continue;
    if (begin > 0 && replacements_[begin - 1] != '\0')
      continue;  // inside another replacement: corrupt
    found = Match{size, std::string_view(replacements_.data() + begin)};
    if (wanted == Wanted::shortest) break;
  }
  return found;
}

std::string decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  u32 bits = 0;
  i64 count = 0;
  for (char c : text) {
    u32 value = 0;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<u32>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<u32>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<u32>(c - '0') + 52;
    else if (c == '+')
      value = 62;
    else if (c == '/')
      value = 63;
    else
      fail(ErrorCode::corrupt_file, "base64 holds a byte that is not of its alphabet");
    bits = ((bits << 6) | value) & 0xffffffu;
    if (++count % 4 == 0) {
      for (u32 shift : {16u, 8u, 0u})
        bytes.push_back(static_cast<char>(static_cast<u8>(bits >> shift)));
    }
  }
  if (count % 4 == 1) fail(ErrorCode::corrupt_file, "base64 ends within a byte");
  if (count % 4 == 2) bytes.push_back(static_cast<char>(static_cast<u8>(bits >> 4)));
  if (count % 4 == 3) {
    bytes.push_back(static_cast<char>(static_cast<u8>(bits >> 10)));
    bytes.push_back(static_cast<char>(static_cast<u8>(bits >> 2)));
  }
  return bytes;
}

}  // namespace medlar::text
