#include "clinical/deid/words.h"

#include <algorithm>
#include <array>

#include "text/normal_forms.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

using text::ByteRange;

enum class Class { space, line_end, letter, digit, apostrophe, mark };

struct Character {
  Class kind = Class::mark;
  bool upper = false;
  i64 bytes = 1;
};

Character character_at(std::string_view text, i64 at) {
  const auto c = static_cast<u8>(text[static_cast<std::size_t>(at)]);
  if (c < 0x80) {
    if (c == '\n' || c == '\r') return {.kind = Class::line_end};
    if (c == ' ' || (c >= '\t' && c <= '\r')) return {.kind = Class::space};
    if (c >= '0' && c <= '9') return {.kind = Class::digit};
    if (c >= 'a' && c <= 'z') return {.kind = Class::letter};
    if (c >= 'A' && c <= 'Z') return {.kind = Class::letter, .upper = true};
    return {.kind = c == '\'' ? Class::apostrophe : Class::mark};
  }
  const text::CodePoint point = text::code_point_at(text, at);
  constexpr u32 right_quote = 0x2019;
  if (point.value == right_quote) return {.kind = Class::apostrophe, .bytes = point.bytes};
  const u32 classes = text::character_class(point.value);
  const bool upper = (classes & (text::class_upper | text::class_title)) != 0;
  if ((classes & (text::class_letter | text::class_mark)) != 0)
    return {.kind = Class::letter, .upper = upper, .bytes = point.bytes};
  if ((classes & text::class_number) != 0) return {.kind = Class::digit, .bytes = point.bytes};
  return {.kind = (classes & text::class_space) != 0 ? Class::space : Class::mark,
          .bytes = point.bytes};
}

struct Scanned {
  i64 end = 0;
  Shape shape = Shape::mark;
};

/// What stands after an apostrophe is no part of a name: 's, 'm, 're, 've, 'll, 'd, 't.
bool is_enclitic_at(std::string_view text, i64 at) {
  constexpr std::array<std::string_view, 7> enclitics = {"s", "m", "re", "ve", "ll", "d", "t"};
  return std::any_of(enclitics.begin(), enclitics.end(), [&](std::string_view enclitic) {
    const i64 end = at + ssize_of(enclitic);
    return folded(text.substr(static_cast<std::size_t>(at), enclitic.size())) == enclitic &&
           (end >= ssize_of(text) || character_at(text, end).kind != Class::letter);
  });
}

/// The word that begins at `at` with a letter or a digit.
Scanned scan(std::string_view text, i64 at) {
  i64 letters = 0;
  i64 uppers = 0;
  i64 digits = 0;
  bool first_upper = false;
  bool begins_in_capitals = false;
  i64 end = at;
  while (end < ssize_of(text)) {
    const Character c = character_at(text, end);
    if (c.kind == Class::apostrophe) {
      // inside a word only: O'Brien, but neither a possessive nor I'm and they're
      const i64 next = end + c.bytes;
      if (letters == 0 || next >= ssize_of(text)) break;
      if (character_at(text, next).kind != Class::letter || is_enclitic_at(text, next)) break;
      end = next;
      continue;
    }
    if (c.kind != Class::letter && c.kind != Class::digit) break;
    if (c.kind == Class::digit) {
      ++digits;
    } else {
      if (letters == 0) first_upper = c.upper;
      if (letters == 1 && end == at + 1) begins_in_capitals = first_upper && c.upper;
      ++letters;
      uppers += c.upper ? 1 : 0;
    }
    end += c.bytes;
  }
  Shape shape = Shape::lower;
  if (digits > 0) {
    shape = letters > 0 ? Shape::mixed : Shape::digits;
  } else if (uppers == letters) {
    shape = letters == 1 ? Shape::capital : Shape::caps;
  } else if (first_upper) {
    shape = begins_in_capitals ? Shape::mixed : Shape::title;  // VASc is no name
  }
  return {.end = end, .shape = shape};
}

/// A full stop after these does not end a sentence.
bool is_abbreviation(const KnownWord& word) {
  return word.is(cue_title) || word.shape == Shape::capital || word.is(cue_month);
}

bool ends_sentence(const std::vector<KnownWord>& words) {
  const KnownWord& mark = words.back();
  if (mark.text.size() != 1 || mark.shape != Shape::mark) return false;
  if (mark.is_mark('.') && words.size() >= 2) return !is_abbreviation(words[words.size() - 2]);
  return std::string_view(".!?:\"*>").find(mark.text[0]) != std::string_view::npos;
}

/// Flags of the word, or of its letters without marks: Éva is Eva.
u64 flags_of(std::string_view text, const Lexicon& lexicon) {
  const std::string name = folded(text);
  const u64 flags = lexicon.flags(name);
  if (flags != 0 || name.size() > 64) return flags;
  std::string plain;
  for (i64 at = 0; at < ssize_of(name);) {
    const text::CodePoint point = text::code_point_at(name, at);
    text::append_utf8(plain, text::decomposition(point.value, false).front());
    at += point.bytes;
  }
  return plain == name ? 0 : lexicon.flags(plain) & (word_given | word_family | word_place);
}

/// Not an acronym as "wbc" and "mrn" are.
bool is_pronounceable(std::string_view word) {
  return word.size() > 2 && std::ranges::any_of(word, [](char c) {
           return static_cast<u8>(c) >= 0x80 ||
                  std::string_view("aeiouy").find(c) != std::string_view::npos;
         });
}

/// Without a capital in the whole text, capitals tell nothing: words that no dictionary knows as
/// common stand for words with one.
void read_as_titles(std::vector<KnownWord>& words) {
  for (const KnownWord& word : words) {
    if (word.is_capitalised()) return;
  }
  constexpr u64 plain = word_common | word_term | cue_title | cue_unit | cue_particle;
  constexpr u64 names = word_given | word_family | word_place;
  const KnownWord* previous = nullptr;
  for (KnownWord& word : words) {
    const bool enclitic = previous != nullptr && word.touches && previous->is_mark('\'');
    previous = &word;
    if (word.shape != Shape::lower || enclitic) continue;
    if (word.text.size() == 1 && word.text != "a" && word.text != "i") word.shape = Shape::capital;
    if (!word.is(plain) && (word.is(names) || is_pronounceable(word.text)))
      word.shape = Shape::title;
  }
}

}  // namespace

std::vector<KnownWord> words_of(std::string_view text, const Lexicon& lexicon) {
  std::vector<KnownWord> words;
  words.reserve(text.size() / 5 + 8);
  bool at_line_begin = true;
  i64 previous_end = -1;
  for (i64 at = 0; at < ssize_of(text);) {
    const Character c = character_at(text, at);
    if (c.kind == Class::space || c.kind == Class::line_end) {
      at_line_begin = at_line_begin || c.kind == Class::line_end;
      at += c.bytes;
      continue;
    }
    Scanned found = {.end = at + c.bytes, .shape = Shape::mark};
    if (c.kind == Class::letter || c.kind == Class::digit) found = scan(text, at);
    KnownWord word;
    word.range = {.begin = at, .end = found.end};
    word.text = text.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(found.end - at));
    word.shape = found.shape;
    word.begins_line = at_line_begin;
    word.begins_sentence = at_line_begin || words.empty() || ends_sentence(words);
    word.touches = previous_end == at;
    if (found.shape != Shape::mark && found.shape != Shape::digits) {
      word.flags = flags_of(word.text, lexicon);
    }
    words.push_back(word);
    at_line_begin = false;
    previous_end = found.end;
    at = found.end;
  }
  read_as_titles(words);
  return words;
}

}  // namespace medlar::clinical
