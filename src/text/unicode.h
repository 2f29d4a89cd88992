#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

/// UTF-8 and the Unicode character properties (of utf8proc's Unicode version) that tokenizers ask
/// for.
namespace medlar::text {

struct CodePoint {
  u32 value = 0;
  i64 bytes = 0;  ///< length in UTF-8, 1 to 4
};

/// Groups of general categories, as bits of `character_class`.
enum CharacterClass : u32 {
  class_upper = 1u << 0,     ///< Lu
  class_lower = 1u << 1,     ///< Ll
  class_title = 1u << 2,     ///< Lt
  class_modifier = 1u << 3,  ///< Lm
  class_other = 1u << 4,     ///< Lo
  class_mark = 1u << 5,      ///< Mn, Mc, Me
  class_number = 1u << 6,    ///< Nd, Nl, No
  class_punctuation = 1u << 7,
  class_symbol = 1u << 8,
  class_space = 1u << 9,        ///< the property White_Space
  class_nonspacing = 1u << 10,  ///< Mn, beside class_mark
  class_control = 1u << 11,     ///< Cc, Cf, Co
  class_letter = class_upper | class_lower | class_title | class_modifier | class_other,
};

/// The character's bits of CharacterClass; 0 for unassigned code points.
u32 character_class(u32 code_point);

/// The character at `at` of valid UTF-8. at < text.size().
CodePoint code_point_at(std::string_view text, i64 at);

/// Begin of the character that ends at `end` of valid UTF-8. end >= 1.
i64 character_begin_before(std::string_view text, i64 end);

void append_utf8(std::string& text, u32 code_point);
std::string to_utf8(u32 code_point);

/// Length of the sequence at `at`, or empty if the bytes there are not UTF-8 (overlong, surrogate,
/// above U+10FFFF, cut).
std::optional<i64> valid_sequence_at(std::string_view text, i64 at);

/// Bytes that are no character.
struct BrokenSequence {
  i64 bytes = 0;            ///< 1 to 3: the maximal part (Unicode standard, section 3.9)
  bool unfinished = false;  ///< the text ends here, and more bytes could make a character of it
};

/// What stands at `at` where valid_sequence_at finds none.
BrokenSequence broken_sequence_at(std::string_view text, i64 at);

/// Throws invalid_argument with the offset of the first byte that is not UTF-8.
void check_utf8(std::string_view text);

/// Each maximal part of a broken sequence becomes U+FFFD (Unicode standard, section 3.9,
/// "substitution of maximal subparts").
std::string lossy_utf8(std::string_view bytes);

/// True for U+FFFD at the end.
bool ends_with_replacement(std::string_view text);

/// Lower case as the full mapping without context: one character, but two for U+0130.
std::vector<u32> lower_case(u32 code_point);

/// The words of regular expressions (\w): letters, marks, numbers, connector punctuation, joiners.
bool is_word_character(u32 code_point);

/// CJK ideographs as BERT's basic tokeniser lists them.
bool is_cjk_ideograph(u32 code_point);

}  // namespace medlar::text
