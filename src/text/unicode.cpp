#include "text/unicode.h"

#include <utf8proc.h>

#include <array>

#include "base/error.h"

namespace medlar::text {
namespace {

/// White_Space of the Unicode character database (PropList.txt).
bool has_white_space(u32 c) {
  return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

u32 class_of_category(utf8proc_category_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
      return class_upper;
    case UTF8PROC_CATEGORY_LL:
      return class_lower;
    case UTF8PROC_CATEGORY_LT:
      return class_title;
    case UTF8PROC_CATEGORY_LM:
      return class_modifier;
    case UTF8PROC_CATEGORY_LO:
      return class_other;
    case UTF8PROC_CATEGORY_MN:
      return class_mark | class_nonspacing;
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return class_mark;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return class_number;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return class_punctuation;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
      return class_symbol;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
      return class_control;
    default:
      return 0;
  }
}

constexpr u32 ascii_class(u32 c) {
  if (c == ' ' || (c >= 9 && c <= 13)) return class_space | (c < 32 ? class_control : 0u);
  if (c < 32 || c == 127) return class_control;
  if (c >= 'A' && c <= 'Z') return class_upper;
  if (c >= 'a' && c <= 'z') return class_lower;
  if (c >= '0' && c <= '9') return class_number;
  constexpr std::string_view symbols = "$+<=>^`|~";
  return symbols.find(static_cast<char>(c)) != std::string_view::npos ? class_symbol
                                                                      : class_punctuation;
}

constexpr std::array<u32, 128> ascii_classes = [] {
  std::array<u32, 128> classes{};
  for (u32 c = 0; c < 128; ++c) classes[c] = ascii_class(c);
  return classes;
}();

bool is_continuation(char byte) { return (static_cast<u8>(byte) & 0xc0u) == 0x80u; }

}  // namespace

u32 character_class(u32 code_point) {
  if (code_point < 128) return ascii_classes[code_point];
  const u32 bits = class_of_category(utf8proc_category(static_cast<utf8proc_int32_t>(code_point)));
  return bits | (has_white_space(code_point) ? class_space : 0u);
}

CodePoint code_point_at(std::string_view text, i64 at) {
  const auto byte = [&](i64 i) {
    return static_cast<u32>(static_cast<u8>(text[static_cast<std::size_t>(at + i)]));
  };
  const u32 first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xe0) return {((first & 0x1fu) << 6) | (byte(1) & 0x3fu), 2};
  if (first < 0xf0)
    return {((first & 0x0fu) << 12) | ((byte(1) & 0x3fu) << 6) | (byte(2) & 0x3fu), 3};
  return {((first & 0x07u) << 18) | ((byte(1) & 0x3fu) << 12) | ((byte(2) & 0x3fu) << 6) |
              (byte(3) & 0x3fu),
          4};
}

i64 character_begin_before(std::string_view text, i64 end) {
  i64 at = end - 1;
  while (at > 0 && is_continuation(text[static_cast<std::size_t>(at)])) --at;
  return at;
}

void append_utf8(std::string& text, u32 c) {
  const auto put = [&](u32 byte) { text.push_back(static_cast<char>(static_cast<u8>(byte))); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0u | (c >> 6));
    put(0x80u | (c & 0x3fu));
  } else if (c < 0x10000) {
    put(0xe0u | (c >> 12));
    put(0x80u | ((c >> 6) & 0x3fu));
    put(0x80u | (c & 0x3fu));
  } else {
    put(0xf0u | (c >> 18));
    put(0x80u | ((c >> 12) & 0x3fu));
    put(0x80u | ((c >> 6) & 0x3fu));
    put(0x80u | (c & 0x3fu));
  }
}

std::string to_utf8(u32 code_point) {
  std::string text;
  append_utf8(text, code_point);
  return text;
}

std::optional<i64> valid_sequence_at(std::string_view text, i64 at) {
  const i64 left = ssize_of(text) - at;
  const auto byte = [&](i64 i) { return static_cast<u8>(text[static_cast<std::size_t>(at + i)]); };
  const u8 first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return std::nullopt;
  const i64 size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (left < size) return std::nullopt;
  // Unicode standard, table 3-7: only the second byte has narrower ranges.
  const u8 low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const u8 high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return std::nullopt;
  for (i64 i = 2; i < size; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return std::nullopt;
  }
  return size;
}

void check_utf8(std::string_view text) {
  i64 at = 0;
  while (at < ssize_of(text)) {
    if (static_cast<u8>(text[static_cast<std::size_t>(at)]) < 0x80) {
      ++at;
      continue;
    }
    const std::optional<i64> size = valid_sequence_at(text, at);
    if (!size) {
      fail(ErrorCode::invalid_argument, "the text is not UTF-8: byte 0x{:02x} at offset {}",
           static_cast<u8>(text[static_cast<std::size_t>(at)]), at);
    }
    at += *size;
  }
}

BrokenSequence broken_sequence_at(std::string_view text, i64 at) {
  // The longest prefix that a valid sequence could have: pad it with a continuation byte and look.
  const u8 first = static_cast<u8>(text[static_cast<std::size_t>(at)]);
  const i64 wanted = first < 0xc2 || first > 0xf4 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  i64 part = 1;
  for (; part < wanted && at + part < ssize_of(text); ++part) {
    const u8 next = static_cast<u8>(text[static_cast<std::size_t>(at + part)]);
    const u8 low = part != 1 ? 0x80 : first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const u8 high = part != 1 ? 0xbf : first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (next < low || next > high) break;
  }
  return {.bytes = part, .unfinished = part < wanted && at + part == ssize_of(text)};
}

std::string lossy_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  i64 at = 0;
  while (at < ssize_of(bytes)) {
    if (const std::optional<i64> size = valid_sequence_at(bytes, at)) {
      text.append(bytes.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(*size)));
      at += *size;
      continue;
    }
    append_utf8(text, 0xfffd);
    at += broken_sequence_at(bytes, at).bytes;
  }
  return text;
}

bool ends_with_replacement(std::string_view text) { return text.ends_with("\xef\xbf\xbd"); }

std::vector<u32> lower_case(u32 code_point) {
  if (code_point == 0x130) return {0x69, 0x307};
  return {static_cast<u32>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)))};
}

bool is_word_character(u32 code_point) {
  if ((character_class(code_point) & (class_letter | class_mark | class_number)) != 0) return true;
  return code_point == 0x200c || code_point == 0x200d ||
         utf8proc_category(static_cast<utf8proc_int32_t>(code_point)) == UTF8PROC_CATEGORY_PC;
}

bool is_cjk_ideograph(u32 c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
         (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

}  // namespace medlar::text
