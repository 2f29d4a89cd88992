#include "clinical/document.h"

#include <span>
#include <utility>

#include "base/sha256.h"
#include "text/unicode.h"

namespace medlar::clinical {

Document::Document(std::string text, std::string id) : text_(std::move(text)), id_(std::move(id)) {
  text::check_utf8(text_);
  digest_ = sha256_hex(std::as_bytes(std::span(text_)));
}

std::string_view Document::text(ByteRange range) const {
  return text().substr(static_cast<std::size_t>(range.begin),
                       static_cast<std::size_t>(range.size()));
}

i64 Document::offset(i64 byte, OffsetUnit unit) const {
  if (unit == OffsetUnit::byte) return byte;
  i64 count = 0;
  for (const char c : text({.begin = 0, .end = byte})) {
    const auto lead = static_cast<u8>(c);
    const bool begins = (lead & 0xC0U) != 0x80U;
    const bool is_pair = unit == OffsetUnit::utf16 && lead >= 0xF0U;  // beyond the basic plane
    count += (begins ? 1 : 0) + (is_pair ? 1 : 0);
  }
  return count;
}

}  // namespace medlar::clinical
