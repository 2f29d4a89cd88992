#include "text/jinja_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

namespace medlar::text::jinja {
namespace {

std::size_t at(i64 offset) { return static_cast<std::size_t>(offset); }

/// The character at `offset`: its code point (-1 for a stray byte) and its bytes.
struct Character {
  i32 code;
  i64 bytes;
};

Character decode(std::string_view text, i64 offset) {
  const auto* start = reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + offset;
  if (*start < 0x80) return {*start, 1};
  utf8proc_int32_t code = -1;
  const auto bytes = utf8proc_iterate(start, ssize_of(text) - offset, &code);
  if (bytes <= 0) return {-1, 1};
  return {code, bytes};
}

/// The character that ends at byte `end`.
Character decode_before(std::string_view text, i64 end) {
  for (i64 bytes = 1; bytes <= std::min<i64>(4, end); ++bytes) {
    if ((static_cast<u8>(text[at(end - bytes)]) & 0xc0u) == 0x80u) continue;
    const Character found = decode(text.substr(0, at(end)), end - bytes);
    if (found.bytes == bytes) return found;
    break;
  }
  return {-1, 1};
}

bool is_line_end(i32 code) {
  return (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

bool is_cased(i32 code) {
  return code >= 0 && (utf8proc_toupper(code) != code || utf8proc_tolower(code) != code);
}

void append_upper(std::string& out, i32 code, bool title) {
  constexpr i32 sharp_s = 0xdf;  // the one common letter whose capital is two
  if (code == sharp_s) {
    out += title ? "Ss" : "SS";
  } else {
    out += encode_utf8(title ? utf8proc_totitle(code) : utf8proc_toupper(code));
  }
}

}  // namespace

i64 character_bytes(std::string_view text, i64 offset) { return decode(text, offset).bytes; }

bool is_utf8(std::string_view text) {
  for (i64 i = 0; i < ssize_of(text);) {
    const Character next = decode(text, i);
    if (next.code < 0) return false;
    i += next.bytes;
  }
  return true;
}

i64 count_characters(std::string_view text) {
  i64 count = 0;
  for (i64 i = 0; i < ssize_of(text); i += character_bytes(text, i)) ++count;
  return count;
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> all;
  for (i64 i = 0; i < ssize_of(text); i += ssize_of(all.back())) {
    all.push_back(text.substr(at(i), at(character_bytes(text, i))));
  }
  return all;
}

i64 byte_offset(std::string_view text, i64 index) {
  i64 offset = 0;
  for (; index > 0 && offset < ssize_of(text); --index) offset += character_bytes(text, offset);
  return offset;
}

i32 code_point(std::string_view character) {
  return character.empty() ? -1 : decode(character, 0).code;
}

std::string encode_utf8(i32 code_point) {
  utf8proc_uint8_t bytes[4];
  const auto count = utf8proc_encode_char(code_point, bytes);
  return {reinterpret_cast<const char*>(bytes), at(count)};
}

bool is_space(i32 code_point) {
  if (code_point < 0) return false;
  if (code_point < 0x80) {
    return code_point == ' ' || (code_point >= 0x09 && code_point <= 0x0d) ||
           (code_point >= 0x1c && code_point <= 0x1f);
  }
  const auto category = utf8proc_category(code_point);
  return code_point == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

bool is_letter(i32 code_point) {
  if (code_point < 0) return false;
  const auto category = utf8proc_category(code_point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_digit(i32 code_point) {
  return code_point >= 0 && utf8proc_category(code_point) == UTF8PROC_CATEGORY_ND;
}

bool is_printable(i32 code_point) {
  if (code_point < 0) return false;
  if (code_point == ' ') return true;
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

std::string change_case(std::string_view text, Case how) {
  std::string out;
  out.reserve(text.size());
  bool first = true;
  bool after_letter = false;
  for (i64 i = 0; i < ssize_of(text);) {
    const Character next = decode(text, i);
    const bool to_title = how == Case::title ? !after_letter : how == Case::capitalize && first;
    const bool to_upper = how == Case::upper || (how == Case::swap && next.code >= 0 &&
                                                 utf8proc_tolower(next.code) == next.code);
    if (next.code < 0) {
      out += text[at(i)];
    } else if (to_title || to_upper) {
      append_upper(out, next.code, to_title);
    } else {
      out += encode_utf8(utf8proc_tolower(next.code));
    }
    after_letter = is_cased(next.code);
    first = false;
    i += next.bytes;
  }
  return out;
}

std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> chars) {
  const auto drops = [&](const Character& c, std::string_view bytes) {
    return chars ? c.code >= 0 && chars->find(bytes) != std::string_view::npos : is_space(c.code);
  };
  while (side != Side::right && !text.empty()) {
    const Character first = decode(text, 0);
    if (!drops(first, text.substr(0, at(first.bytes)))) break;
    text.remove_prefix(at(first.bytes));
  }
  while (side != Side::left && !text.empty()) {
    const Character last = decode_before(text, ssize_of(text));
    if (!drops(last, text.substr(text.size() - at(last.bytes)))) break;
    text.remove_suffix(at(last.bytes));
  }
  return text;
}

i64 find_text(std::string_view text, std::string_view wanted, i64 from) {
  if (from > ssize_of(text)) return -1;
  if (wanted.empty()) return from;
  // memmem of the C libraries in use takes linear time, std::string_view::find need not.
  const void* found =
      memmem(text.data() + from, text.size() - at(from), wanted.data(), wanted.size());
  return found == nullptr ? -1 : static_cast<const char*>(found) - text.data();
}

i64 find_last_text(std::string_view text, std::string_view wanted) {
  if (wanted.size() > text.size()) return -1;
  const std::string text_reversed(text.rbegin(), text.rend());
  const std::string wanted_reversed(wanted.rbegin(), wanted.rend());
  const i64 found = find_text(text_reversed, wanted_reversed);
  return found < 0 ? -1 : ssize_of(text) - found - ssize_of(wanted);
}

std::vector<std::string_view> split(std::string_view text,
                                    std::optional<std::string_view> separator, i64 maximum) {
  std::vector<std::string_view> parts;
  if (!separator) {
    for (text = strip(text, Side::left); !text.empty(); text = strip(text, Side::left)) {
      if (maximum >= 0 && ssize_of(parts) == maximum) {
        parts.push_back(text);
        break;
      }
      i64 end = 0;
      for (; end < ssize_of(text); end += character_bytes(text, end)) {
        if (is_space(decode(text, end).code)) break;
      }
      parts.push_back(text.substr(0, at(end)));
      text.remove_prefix(at(end));
    }
    return parts;
  }
  i64 start = 0;
  while (maximum < 0 || ssize_of(parts) < maximum) {
    const i64 found = find_text(text, *separator, start);
    if (found < 0) break;
    parts.push_back(text.substr(at(start), at(found - start)));
    start = found + ssize_of(*separator);
  }
  parts.push_back(text.substr(at(start)));
  return parts;
}

std::vector<std::string_view> split_right(std::string_view text,
                                          std::optional<std::string_view> separator, i64 maximum) {
  std::vector<std::string_view> parts;
  if (!separator) {
    for (text = strip(text, Side::right); !text.empty(); text = strip(text, Side::right)) {
      if (maximum >= 0 && ssize_of(parts) == maximum) {
        parts.push_back(text);
        break;
      }
      i64 start = ssize_of(text);
      while (start > 0) {
        const Character last = decode_before(text, start);
        if (is_space(last.code)) break;
        start -= last.bytes;
      }
      parts.push_back(text.substr(at(start)));
      text = text.substr(0, at(start));
    }
    std::reverse(parts.begin(), parts.end());
    return parts;
  }
  // Work on the reversed text, so that the search stays linear.
  const std::string text_reversed(text.rbegin(), text.rend());
  const std::string separator_reversed(separator->rbegin(), separator->rend());
  const i64 size = ssize_of(text);
  i64 end = size;
  while (maximum < 0 || ssize_of(parts) < maximum) {
    const i64 found = find_text(text_reversed, separator_reversed, size - end);
    if (found < 0) break;
    const i64 start = size - found;
    parts.push_back(text.substr(at(start), at(end - start)));
    end = start - ssize_of(*separator);
  }
  parts.push_back(text.substr(0, at(end)));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, LineEnds ends) {
  std::vector<std::string_view> lines;
  i64 start = 0;
  for (i64 i = 0; i < ssize_of(text);) {
    const Character next = decode(text, i);
    const i64 stop = i;
    i += next.bytes;
    if (!is_line_end(next.code)) continue;
    if (next.code == '\r' && i < ssize_of(text) && text[at(i)] == '\n') ++i;
    lines.push_back(text.substr(at(start), at((ends == LineEnds::keep ? i : stop) - start)));
    start = i;
  }
  if (start < ssize_of(text)) lines.push_back(text.substr(at(start)));
  return lines;
}

}  // namespace medlar::text::jinja
