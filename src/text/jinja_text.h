#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

/// Python's view of text, over UTF-8: indices count characters. Bytes that are not UTF-8 count as
/// one character each.
namespace medlar::text::jinja {

/// Bytes of the character at `offset`, which must be inside the text.
i64 character_bytes(std::string_view text, i64 offset);

/// True if the whole text is well-formed UTF-8.
bool is_utf8(std::string_view text);

/// Number of characters.
i64 count_characters(std::string_view text);

/// Each character as a view.
std::vector<std::string_view> characters(std::string_view text);

/// Byte offset of a character index in [0, count].
i64 byte_offset(std::string_view text, i64 index);

/// The code point of a one-character view; -1 for a stray byte.
i32 code_point(std::string_view character);

std::string encode_utf8(i32 code_point);

/// What str.isspace accepts.
bool is_space(i32 code_point);
bool is_letter(i32 code_point);
bool is_digit(i32 code_point);
/// What str.isprintable accepts.
bool is_printable(i32 code_point);

enum class Case { upper, lower, title, capitalize, swap };
std::string change_case(std::string_view text, Case how);

enum class Side { left, right, both };
/// Removes white space, or any of the characters in `chars`.
std::string_view strip(std::string_view text, Side side,
                       std::optional<std::string_view> chars = {});

/// Byte offset of the first (last) occurrence at or after `from`, -1 if there is none. Linear time.
i64 find_text(std::string_view text, std::string_view wanted, i64 from = 0);
i64 find_last_text(std::string_view text, std::string_view wanted);

/// str.split and str.rsplit; `maximum` < 0 means no bound. Without a separator, at runs of white
/// space.
std::vector<std::string_view> split(std::string_view text,
                                    std::optional<std::string_view> separator, i64 maximum);
std::vector<std::string_view> split_right(std::string_view text,
                                          std::optional<std::string_view> separator, i64 maximum);

enum class LineEnds { keep, drop };
/// str.splitlines.
std::vector<std::string_view> split_lines(std::string_view text, LineEnds ends = LineEnds::drop);

}  // namespace medlar::text::jinja
