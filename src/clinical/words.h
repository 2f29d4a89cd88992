#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/byte_range.h"

namespace medlar::clinical {

using text::ByteRange;

enum class WordKind : u8 {
  word,    ///< letters, digits behind them, apostrophes inside: "q8h", "doesn't", "Crohn's"
  number,  ///< digits with "." or "," between: "2.5", "1,000"
  mark,    ///< any other character
};

/// A word of a text. Two words with one `key` are the same to every rule and dictionary.
struct Word {
  ByteRange range;
  u64 key = 0;  ///< hash of the normal form
  WordKind kind = WordKind::word;
};

/// The words of text[range), blanks and line ends left out. `text` is valid UTF-8.
std::vector<Word> words_of(std::string_view text, ByteRange range);
std::vector<Word> words_of(std::string_view text);

/// What a word is compared by: small letters without accents, straight apostrophes, without the
/// possessive 's and without the s of a plural ("Crohn's" is "crohn", "biopsies" is "biopsy").
std::string normal_form(std::string_view word);

/// The key of a word by itself.
u64 word_key(std::string_view word);

/// The normal forms of a text's words with one blank between: how terms are compared. Hyphens are
/// left out.
std::string normal_text(std::string_view text);

/// True for "-" and its typographic kin, which join the parts of a term without being one.
bool is_hyphen(std::string_view text, const Word& word);

std::string_view text_of(std::string_view text, ByteRange range);

}  // namespace medlar::clinical
