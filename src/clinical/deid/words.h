#pragma once

#include <string_view>
#include <vector>

#include "clinical/deid/lexicon.h"
#include "text/byte_range.h"

namespace medlar::clinical {

/// How a word is written.
enum class Shape {
  lower,
  title,    ///< a capital and small letters, also McDonald and O'Brien
  capital,  ///< one capital letter: an initial, or a word
  caps,     ///< capitals only, two or more
  digits,
  mixed,  ///< letters and digits
  mark,   ///< a character that is neither
};

/// A piece of text with what the dictionaries know of it. `text` is a view of the document.
struct KnownWord {
  text::ByteRange range;
  std::string_view text;
  Shape shape = Shape::mark;
  u64 flags = 0;
  bool begins_sentence = false;  ///< first word of the text, a line, a sentence or a quotation
  bool begins_line = false;
  bool touches = false;  ///< no space between it and the word before

  bool is(u64 flag) const { return (flags & flag) != 0; }
  bool is_mark(char c) const { return shape == Shape::mark && text.size() == 1 && text[0] == c; }
  bool is_capitalised() const {
    return shape == Shape::title || shape == Shape::caps || shape == Shape::capital;
  }
};

/// Letters with inner apostrophes, digits, and marks, in order; a final 's is a word of its own.
/// Time is linear in the text. `text` is valid UTF-8.
std::vector<KnownWord> words_of(std::string_view text, const Lexicon& lexicon);

}  // namespace medlar::clinical
