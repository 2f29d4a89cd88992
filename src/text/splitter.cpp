#include "text/splitter.h"

#include <array>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr std::string_view gpt2_regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view llama3_regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2_regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view cl100k_regex =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view o200k_regex =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view deepseek_numbers = R"(\p{N}{1,3})";
constexpr std::string_view deepseek_cjk = "[一-龥぀-ゟ゠-ヿ]+";
constexpr std::string_view deepseek_words =
    "[!\"#$%&'()*+,\\-./"
    ":;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
    "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";

constexpr u32 letter_or_number = class_letter | class_number;
constexpr u32 upper_part = class_upper | class_title | class_modifier | class_other | class_mark;
constexpr u32 lower_part = class_lower | class_modifier | class_other | class_mark;
constexpr u32 both_parts = upper_part & lower_part;

/// One character of the text with its class; bytes 0 past the end.
struct Character {
  u32 value = 0;
  u32 bits = 0;
  i64 bytes = 0;

  bool is(u32 classes) const { return (bits & classes) != 0; }
  bool is_newline() const { return value == '\n' || value == '\r'; }
};

/// The matchers of the alternatives. Each returns the end of its match from `at`, or -1.
class Scanner {
 public:
  Scanner(std::string_view text, i64 end) : text_(text), end_(end) {}

  Character character(i64 at) const {
    if (at >= end_) return {};
    const CodePoint point = code_point_at(text_, at);
    return {point.value, character_class(point.value), point.bytes};
  }

  /// The run of characters that have one of the classes.
  i64 run(i64 at, u32 classes) const {
    while (true) {
      const Character c = character(at);
      if (c.bytes == 0 || !c.is(classes)) return at;
      at += c.bytes;
    }
  }

  /// The run of characters that have none of the classes.
  i64 run_without(i64 at, u32 classes) const {
    while (true) {
      const Character c = character(at);
      if (c.bytes == 0 || c.is(classes)) return at;
      at += c.bytes;
    }
  }

  i64 newlines(i64 at, bool and_slash = false) const {
    while (at < end_ && (byte(at) == '\n' || byte(at) == '\r' || (and_slash && byte(at) == '/')))
      ++at;
    return at;
  }

  /// 's 't 're 've 'm 'll 'd, with any case where asked (also U+017F, which folds to s).
  i64 contraction(i64 at, bool any_case) const {
    if (at >= end_ || byte(at) != '\'') return -1;
    if (any_case && at + 2 < end_ && byte(at + 1) == '\xc5' && byte(at + 2) == '\xbf')
      return at + 3;
    const auto letter = [&](i64 i) -> char {
      if (i >= end_) return '\0';
      const char c = byte(i);
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char first = letter(at + 1);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    const char second = letter(at + 2);
    if ((first == 'r' || first == 'v') && second == 'e') return at + 3;
    return first == 'l' && second == 'l' ? at + 3 : -1;
  }

  /// \p{N}{1,limit}
  i64 numbers(i64 at, i64 limit) const {
    for (; limit > 0; --limit) {
      const Character c = character(at);
      if (!c.is(class_number)) break;
      at += c.bytes;
    }
    return at;
  }

  /// \s*[\r\n]+|\s+(?!\S)|\s+ at a white-space character; without the first part unless `lines`.
  i64 spaces(i64 at, bool lines) const {
    i64 last_begin = at;
    i64 after_newline = -1;
    i64 stop = at;
    while (true) {
      const Character c = character(stop);
      if (!c.is(class_space)) break;
      last_begin = stop;
      stop += c.bytes;
      if (c.is_newline()) after_newline = stop;
    }
    if (lines && after_newline >= 0) return after_newline;
    return stop == end_ || last_begin == at ? stop : last_begin;
  }

 private:
  char byte(i64 at) const { return text_[static_cast<std::size_t>(at)]; }

  std::string_view text_;
  i64 end_;
};

i64 next_gpt2(const Scanner& scan, i64 at) {
  const i64 contraction = scan.contraction(at, false);
  if (contraction >= 0) return contraction;
  const Character first = scan.character(at);
  const bool has_space = first.value == ' ';
  const i64 word = has_space ? at + 1 : at;
  const Character c = has_space ? scan.character(word) : first;
  if (c.is(class_letter)) return scan.run(word, class_letter);
  if (c.is(class_number)) return scan.run(word, class_number);
  if (c.bytes > 0 && !c.is(class_space))
    return scan.run_without(word, class_space | letter_or_number);
  return scan.spaces(at, false);
}

/// ` ?[^\s\p{L}\p{N}]+[\r\n]*` and then the white space.
i64 symbols_or_spaces(const Scanner& scan, i64 at, const Character& first, bool and_slash) {
  const bool has_space = first.value == ' ';
  const i64 word = has_space ? at + 1 : at;
  const Character c = has_space ? scan.character(word) : first;
  if (c.bytes > 0 && !c.is(class_space | letter_or_number)) {
    return scan.newlines(scan.run_without(word, class_space | letter_or_number), and_slash);
  }
  return scan.spaces(at, true);
}

i64 next_llama3(const Scanner& scan, i64 at, i64 digits) {
  const i64 contraction = scan.contraction(at, true);
  if (contraction >= 0) return contraction;
  const Character first = scan.character(at);
  if (first.is(class_letter)) return scan.run(at + first.bytes, class_letter);
  if (first.is(class_number)) return scan.numbers(at, digits);
  if (!first.is_newline() && scan.character(at + first.bytes).is(class_letter)) {
    return scan.run(at + first.bytes, class_letter);
  }
  return symbols_or_spaces(scan, at, first, false);
}

/// [upper]*[lower]+ from `at`, or -1: the greedy first part gives back only what the second needs.
i64 lower_word(const Scanner& scan, i64 at) {
  i64 after_both = -1;
  while (true) {
    const Character c = scan.character(at);
    if (!c.is(upper_part)) break;
    at += c.bytes;
    if (c.is(both_parts)) after_both = at;
  }
  if (scan.character(at).is(lower_part)) return scan.run(at, lower_part);
  return after_both;
}

i64 next_o200k(const Scanner& scan, i64 at) {
  const Character first = scan.character(at);
  const bool can_lead = !first.is_newline() && !first.is(letter_or_number);
  i64 end = can_lead ? lower_word(scan, at + first.bytes) : -1;
  if (end < 0) end = lower_word(scan, at);
  if (end < 0) {  // no lower-case part: [upper]+ alone
    const i64 begin = can_lead ? at + first.bytes : at;
    const i64 stop = scan.run(begin, upper_part);
    if (stop > begin) end = stop;
  }
  if (end >= 0) {
    const i64 contraction = scan.contraction(end, true);
    return contraction >= 0 ? contraction : end;
  }
  if (first.is(class_number)) return scan.numbers(at, 3);
  return symbols_or_spaces(scan, at, first, true);
}

bool is_ascii_punctuation(u32 c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

bool is_ascii_letter(u32 c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// The third pattern of DeepSeek from `at`, or -1 where no alternative matches.
i64 next_deepseek_word(const Scanner& scan, i64 at) {
  const Character first = scan.character(at);
  const Character second = scan.character(at + first.bytes);
  if (is_ascii_punctuation(first.value) && is_ascii_letter(second.value)) {
    i64 stop = at + 2;
    while (is_ascii_letter(scan.character(stop).value)) ++stop;
    return stop;
  }
  constexpr u32 word = class_letter | class_mark;
  const bool can_lead =
      !first.is_newline() && !first.is(class_letter | class_punctuation | class_symbol);
  if (can_lead && second.is(word)) return scan.run(at + first.bytes, word);
  if (first.is(word)) return scan.run(at, word);
  constexpr u32 sign = class_punctuation | class_symbol;
  if (first.is(sign)) return scan.newlines(scan.run(at, sign));
  if (first.value == ' ' && second.is(sign)) return scan.newlines(scan.run(at + 1, sign));
  return first.is(class_space) ? scan.spaces(at, true) : -1;
}

void split_deepseek_words(std::string_view text, i64 begin, i64 end, std::vector<i64>& ends) {
  const Scanner scan(text, end);
  i64 at = begin;
  bool in_gap = false;
  while (at < end) {
    const i64 stop = next_deepseek_word(scan, at);
    if (stop < 0) {
      at += scan.character(at).bytes;
      in_gap = true;
      continue;
    }
    if (in_gap) ends.push_back(at);
    in_gap = false;
    ends.push_back(stop);
    at = stop;
  }
  if (in_gap) ends.push_back(end);
}

bool is_deepseek_cjk(u32 c) { return (c >= 0x4e00 && c <= 0x9fa5) || (c >= 0x3040 && c <= 0x30ff); }

void split_deepseek(std::string_view text, i64 begin, i64 end, std::vector<i64>& ends) {
  const Scanner scan(text, end);
  i64 word_begin = begin;
  i64 at = begin;
  while (at < end) {
    const Character c = scan.character(at);
    const bool is_cjk = is_deepseek_cjk(c.value);
    if (!c.is(class_number) && !is_cjk) {
      at += c.bytes;
      continue;
    }
    if (at > word_begin) split_deepseek_words(text, word_begin, at, ends);
    word_begin = at;
    if (is_cjk) {
      while (is_deepseek_cjk(scan.character(at).value)) at += scan.character(at).bytes;
      split_deepseek_words(text, word_begin, at, ends);
    } else {
      at = scan.numbers(at, 3);
      ends.push_back(at);
    }
    word_begin = at;
  }
  if (at > word_begin) split_deepseek_words(text, word_begin, at, ends);
}

}  // namespace

std::optional<SplitPattern> known_pattern(std::string_view regex) {
  if (regex == gpt2_regex) return SplitPattern::gpt2;
  if (regex == llama3_regex || regex == cl100k_regex) return SplitPattern::llama3;
  if (regex == qwen2_regex) return SplitPattern::qwen2;
  if (regex == o200k_regex) return SplitPattern::o200k;
  return std::nullopt;
}

std::vector<std::string_view> deepseek_patterns() {
  return {deepseek_numbers, deepseek_cjk, deepseek_words};
}

std::string_view regex_of(SplitPattern pattern) {
  switch (pattern) {
    case SplitPattern::gpt2:
      return gpt2_regex;
    case SplitPattern::llama3:
      return llama3_regex;
    case SplitPattern::qwen2:
      return qwen2_regex;
    case SplitPattern::o200k:
      return o200k_regex;
    case SplitPattern::deepseek:
      break;
  }
  fail(ErrorCode::internal, "DeepSeek's splitter stands for three patterns, not one");
}

void split_words(SplitPattern pattern, std::string_view text, i64 begin, i64 end,
                 std::vector<i64>& ends) {
  if (pattern == SplitPattern::deepseek) return split_deepseek(text, begin, end, ends);
  const Scanner scan(text, end);
  for (i64 at = begin; at < end;) {
    switch (pattern) {
      case SplitPattern::gpt2:
        at = next_gpt2(scan, at);
        break;
      case SplitPattern::llama3:
        at = next_llama3(scan, at, 3);
        break;
      case SplitPattern::qwen2:
        at = next_llama3(scan, at, 1);
        break;
      default:
        at = next_o200k(scan, at);
        break;
    }
    ends.push_back(at);
  }
}

}  // namespace medlar::text
