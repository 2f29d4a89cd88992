#include "clinical/words.h"

#include "text/flat_map.h"
#include "text/normal_forms.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

constexpr u32 right_quote = 0x2019;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Length of the letter at `at`, 0 if there is none.
i64 letter_at(std::string_view text, i64 at) {
  const char c = text[static_cast<std::size_t>(at)];
  if (static_cast<u8>(c) < 0x80U) return is_ascii_letter(c) ? 1 : 0;
  const text::CodePoint point = text::code_point_at(text, at);
  const u32 bits = text::character_class(point.value);
  return (bits & (text::class_letter | text::class_mark)) != 0 ? point.bytes : 0;
}

/// Length of an apostrophe at `at`, 0 if there is none.
i64 apostrophe_at(std::string_view text, i64 at) {
  if (text[static_cast<std::size_t>(at)] == '\'') return 1;
  return static_cast<u8>(text[static_cast<std::size_t>(at)]) == 0xE2U &&
                 text::code_point_at(text, at).value == right_quote
             ? 3
             : 0;
}

i64 end_of_word(std::string_view text, i64 at, i64 end) {
  while (at < end) {
    if (is_digit(text[static_cast<std::size_t>(at)])) {
      ++at;
    } else if (const i64 letter = letter_at(text, at); letter > 0) {
      at += letter;
    } else {
      const i64 quote = apostrophe_at(text, at);
      if (quote == 0 || at + quote >= end || letter_at(text, at + quote) == 0) break;
      at += quote;
    }
  }
  return at;
}

i64 end_of_number(std::string_view text, i64 at, i64 end) {
  const auto digit = [&](i64 i) { return i < end && is_digit(text[static_cast<std::size_t>(i)]); };
  while (digit(at)) {
    ++at;
    const char c = at < end ? text[static_cast<std::size_t>(at)] : ' ';
    if ((c == '.' || c == ',') && digit(at + 1)) ++at;
  }
  return at;
}

/// Small ASCII letters of a word, of "é" its "e".
std::string plain_letters(std::string_view word) {
  std::string plain;
  plain.reserve(word.size());
  for (i64 at = 0; at < ssize_of(word);) {
    const text::CodePoint point = text::code_point_at(word, at);
    at += point.bytes;
    if (point.value < 0x80U) {
      const char c = static_cast<char>(point.value);
      plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (point.value == right_quote) {
      plain += '\'';
    } else {
      for (const u32 part : text::decomposition(point.value, true)) {
        if ((text::character_class(part) & text::class_mark) != 0) continue;
        for (const u32 lower : text::lower_case(part)) text::append_utf8(plain, lower);
      }
    }
  }
  return plain;
}

/// Cuts the possessive, then the plural of words long enough to have one.
void cut_ending(std::string& word) {
  if (word.ends_with("'s")) {
    word.resize(word.size() - 2);
    return;
  }
  constexpr std::size_t shortest = 4;
  if (word.size() < shortest || !word.ends_with('s')) return;
  for (const char* kept : {"ss", "us", "is"}) {
    if (word.ends_with(kept)) return;
  }
  const bool is_ies = word.ends_with("ies") && word.size() > shortest;
  word.resize(word.size() - (is_ies ? 3 : 1));
  if (is_ies) word += 'y';
}

u64 hash_of(std::string_view bytes) {
  u64 hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : bytes) hash = (hash ^ static_cast<u8>(c)) * 0x100000001b3U;
  return text::mix_bits(hash);
}

}  // namespace

std::string_view text_of(std::string_view text, ByteRange range) {
  return text.substr(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size()));
}

std::string normal_form(std::string_view word) {
  std::string form = plain_letters(word);
  cut_ending(form);
  return form;
}

u64 word_key(std::string_view word) { return hash_of(normal_form(word)); }

std::vector<Word> words_of(std::string_view text, ByteRange range) {
  std::vector<Word> words;
  const auto add = [&](i64 begin, i64 end, WordKind kind) {
    const ByteRange place = {.begin = begin, .end = end};
    const std::string_view word = text_of(text, place);
    words.push_back({.range = place,
                     .key = kind == WordKind::word ? word_key(word) : hash_of(word),
                     .kind = kind});
    return end;
  };
  for (i64 at = range.begin; at < range.end;) {
    const char c = text[static_cast<std::size_t>(at)];
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      ++at;
    } else if (is_digit(c)) {
      at = add(at, end_of_number(text, at, range.end), WordKind::number);
    } else if (letter_at(text, at) > 0) {
      at = add(at, end_of_word(text, at, range.end), WordKind::word);
    } else {
      const text::CodePoint point = text::code_point_at(text, at);
      const bool is_blank = (text::character_class(point.value) & text::class_space) != 0;
      at = is_blank ? at + point.bytes : add(at, at + point.bytes, WordKind::mark);
    }
  }
  return words;
}

std::vector<Word> words_of(std::string_view text) {
  return words_of(text, {.begin = 0, .end = ssize_of(text)});
}

bool is_hyphen(std::string_view text, const Word& word) {
  if (word.kind != WordKind::mark) return false;
  const std::string_view mark = text_of(text, word.range);
  return mark == "-" || mark == "\u2010" || mark == "\u2011" || mark == "\u2013";
}

std::string normal_text(std::string_view text) {
  std::string normal;
  for (const Word& word : words_of(text)) {
    if (is_hyphen(text, word)) continue;
    if (!normal.empty()) normal += ' ';
    normal += normal_form(text_of(text, word.range));
  }
  return normal;
}

}  // namespace medlar::clinical
