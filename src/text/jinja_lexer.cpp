#include "text/jinja_lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "text/jinja_limits.h"
#include "text/jinja_text.h"

namespace medlar::text::jinja {
namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<u8>(c) >= 0x80;
}
bool is_decimal(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_name_start(c) || is_decimal(c); }

/// Line ends of every kind become one newline; one at the very end is dropped.
std::string normalise_line_ends(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string_view strip_left(std::string_view text) { return strip(text, Side::left); }
std::string_view strip_right(std::string_view text) { return strip(text, Side::right); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (position_ < source_.size()) {
      const auto tag = next_tag();
      if (!tag) {
        emit_data(source_.substr(position_));
        break;
      }
      read_tag(*tag);
    }
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  std::optional<std::size_t> next_tag() const {
    for (auto i = source_.find('{', position_); i != std::string_view::npos;
         i = source_.find('{', i + 1)) {
      if (i + 1 < source_.size() &&
          (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#')) {
        return i;
      }
    }
    return std::nullopt;
  }

  void read_tag(std::size_t start) {
    const char kind = source_[start + 1];
    std::size_t inside = start + 2;
    const char sign = inside < source_.size() ? source_[inside] : '\0';
    const bool has_sign = sign == '-' || sign == '+';
    emit_data(trim_before(source_.substr(position_, start - position_), has_sign ? sign : '\0',
                          kind != '{'));
    advance_to(start);
    if (has_sign) ++inside;
    if (kind == '#') {
      skip_comment(inside);
    } else if (const auto raw = kind == '%' ? word_tag(inside, "raw") : std::nullopt) {
      read_raw(*raw);
    } else {
      add(kind == '{' ? TokenKind::output_begin : TokenKind::block_begin, "");
      advance_to(inside);
      read_code(kind);
    }
  }

  /// The data before a tag: all white space goes with `-`; without a sign, the blanks between the
  /// start of the line and a block or comment go (lstrip_blocks).
  std::string_view trim_before(std::string_view data, char sign, bool strips_blanks) const {
    if (sign == '-') return strip_right(data);
    if (sign == '+' || !strips_blanks) return data;
    const auto newline = data.rfind('\n');
    const bool has_newline = newline != std::string_view::npos;
    const bool at_line_start = has_newline || position_ == 0 || source_[position_ - 1] == '\n';
    const std::size_t line_start = has_newline ? newline + 1 : 0;
    if (at_line_start && strip_left(data.substr(line_start)).empty())
      return data.substr(0, line_start);
    return data;
  }

  /// Goes past the end of a tag (`size` bytes, beginning at `end`) and what its sign trims.
  void finish_tag(std::size_t end, std::size_t size, char sign, bool trims_newline) {
    advance_to(end + size);
    if (sign == '-') {
      advance_to(source_.size() - strip_left(source_.substr(position_)).size());
    } else if (trims_newline && sign != '+' && position_ < source_.size() &&
               source_[position_] == '\n') {
      advance_to(position_ + 1);
    }
  }

  void skip_comment(std::size_t inside) {
    const auto end = source_.find("#}", inside);
    if (end == std::string_view::npos) fail_here("a comment that does not end");
    const char before = end > inside ? source_[end - 1] : '\0';
    finish_tag(end, 2, before == '-' || before == '+' ? before : '\0', true);
  }

  /// The end of `{% word %}` whose inside begins at `inside`; empty for another tag.
  struct WordTag {
    std::size_t end;  // where "%}" stands
    char sign;
  };
  std::optional<WordTag> word_tag(std::size_t inside, std::string_view word) const {
    std::size_t i = skip_blanks(inside);
    if (source_.substr(i, word.size()) != word) return std::nullopt;
    i = skip_blanks(i + word.size());
    char sign = '\0';
    if (i < source_.size() && (source_[i] == '-' || source_[i] == '+')) sign = source_[i++];
    if (source_.substr(i, 2) != "%}") return std::nullopt;
    return WordTag{.end = i, .sign = sign};
  }
  std::size_t skip_blanks(std::size_t from) const {
    if (from >= source_.size()) return source_.size();
    return source_.size() - strip_left(source_.substr(from)).size();
  }

  void read_raw(const WordTag& begin) {
    finish_tag(begin.end, 2, begin.sign, false);
    for (auto i = source_.find("{%", position_); i != std::string_view::npos;
         i = source_.find("{%", i + 2)) {
      std::size_t word = i + 2;
      char sign = '\0';
      if (word < source_.size() && (source_[word] == '-' || source_[word] == '+'))
        sign = source_[word++];
      const auto end = word_tag(word, "endraw");
      if (!end) continue;
      emit_data(trim_before(source_.substr(position_, i - position_), sign, true));
      finish_tag(end->end, 2, end->sign, true);
      return;
    }
    fail_here("a raw block that does not end");
  }

  /// Tokens up to the end of a tag; `kind` is the second character of its start.
  void read_code(char kind) {
    const std::string_view close = kind == '{' ? "}}" : "%}";
    std::string open_brackets;
    while (true) {
      skip_white_space();
      if (position_ >= source_.size()) fail_here("a tag that does not end");
      if (open_brackets.empty()) {
        const char sign = source_[position_];
        const bool has_sign = sign == '-' || sign == '+';
        if (source_.substr(position_ + (has_sign ? 1 : 0), 2) == close) {
          add(kind == '{' ? TokenKind::output_end : TokenKind::block_end, "");
          finish_tag(position_, has_sign ? 3 : 2, has_sign ? sign : '\0', kind != '{');
          return;
        }
      }
      read_token(open_brackets);
    }
  }

  void read_token(std::string& open_brackets) {
    const char c = source_[position_];
    if (is_name_start(c)) {
      std::size_t end = position_;
      while (end < source_.size() && is_name_part(source_[end])) ++end;
      take(TokenKind::name, end);
    } else if (is_decimal(c)) {
      read_number();
    } else if (c == '"' || c == '\'') {
      read_string(c);
    } else {
      read_symbol(open_brackets);
    }
  }

  void read_number() {
    std::size_t end = position_;
    bool is_real = false;
    const auto digits = [&](std::size_t from) {
      while (from < source_.size() && (is_decimal(source_[from]) || source_[from] == '_')) ++from;
      return from;
    };
    const auto digit_at = [&](std::size_t i) {
      return i < source_.size() && is_decimal(source_[i]);
    };
    if (source_[position_] == '0' && position_ + 1 < source_.size() &&
        is_name_start(source_[position_ + 1]) && source_[position_ + 1] != '_' &&
        source_[position_ + 1] != 'e' && source_[position_ + 1] != 'E') {
      while (end < source_.size() && is_name_part(source_[end])) ++end;  // 0x1f and its like
      take(TokenKind::integer, end);
      return;
    }
    end = digits(end);
    // `x.0.1` are two subscripts, not a number.
    const bool after_dot =
        !tokens_.empty() && tokens_.back().kind == TokenKind::symbol && tokens_.back().text == ".";
    if (!after_dot && end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      is_real = true;
      end = digits(end + 1);
    }
    if (!after_dot && end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '-' || source_[exponent] == '+'))
        ++exponent;
      if (digit_at(exponent)) {
        is_real = true;
        end = digits(exponent);
      }
    }
    take(is_real ? TokenKind::real : TokenKind::integer, end);
    std::string& text = tokens_.back().text;
    std::erase(text, '_');
  }

  void read_string(char quote) {
    std::string value;
    std::size_t i = position_ + 1;
    while (true) {
      if (i >= source_.size()) fail_here("a string that does not end");
      if (source_[i] == quote) break;
      if (source_[i] == '\\') {
        i = read_escape(i + 1, value);
      } else {
        value += source_[i++];
      }
    }
    add(TokenKind::string, std::move(value));
    advance_to(i + 1);
  }

  /// Decodes the escape whose backslash stands before `i`; returns where it ends.
  std::size_t read_escape(std::size_t i, std::string& value) {
    if (i >= source_.size()) fail_here("a string that does not end");
    const char c = source_[i];
    constexpr std::string_view names = "abfnrtv\\'\"";
    constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\'\"";
    if (const auto place = names.find(c); place != std::string_view::npos) {
      value += meanings[place];
      return i + 1;
    }
    if (c == '\n') return i + 1;
    if (c >= '0' && c <= '7') {
      std::size_t count = 1;
      while (count < 3 && i + count < source_.size() && source_[i + count] >= '0' &&
             source_[i + count] <= '7')
        ++count;
      append_code(value, source_.substr(i, count), 8);
      return i + count;
    }
    const std::size_t count = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (count > 0) {
      if (i + 1 + count > source_.size()) fail_here("a string that does not end");
      append_code(value, source_.substr(i + 1, count), 16);
      return i + 1 + count;
    }
    if (c == 'N') fail_here("an escape by name (\\N{...})");
    value += '\\';
    return i;
  }

  void append_code(std::string& value, std::string_view digits, i32 base) {
    i64 code = 0;
    for (char c : digits) {
      const i32 digit = is_decimal(c)          ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : 99;
      if (digit >= base) fail_here("an escape with a wrong digit");
      code = code * base + digit;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      fail_here("an escape that is no character");
    value += encode_utf8(static_cast<i32>(code));
  }

  void read_symbol(std::string& open_brackets) {
    constexpr std::array<std::string_view, 6> pairs = {"==", "!=", ">=", "<=", "//", "**"};
    const std::string_view two = source_.substr(position_, 2);
    if (std::find(pairs.begin(), pairs.end(), two) != pairs.end()) {
      take(TokenKind::symbol, position_ + 2);
      return;
    }
    const char c = source_[position_];
    constexpr std::string_view singles = "+-/*%~[](){}<>=.:|,;";
    if (singles.find(c) == std::string_view::npos)
      fail_here("a character that has no meaning in a tag");
    if (c == '(' || c == '[' || c == '{') {
      open_brackets += c;
    } else if (c == ')' || c == ']' || c == '}') {
      const char wanted = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (open_brackets.empty() || open_brackets.back() != wanted)
        fail_here("brackets that do not match");
      open_brackets.pop_back();
    }
    take(TokenKind::symbol, position_ + 1);
  }

  void skip_white_space() { advance_to(skip_blanks(position_)); }

  void take(TokenKind kind, std::size_t end) {
    add(kind, std::string(source_.substr(position_, end - position_)));
    advance_to(end);
  }
  void emit_data(std::string_view data) {
    if (!data.empty()) add(TokenKind::data, std::string(data));
  }
  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  void advance_to(std::size_t position) {
    const auto begin = source_.begin();
    line_ += std::count(begin + static_cast<std::ptrdiff_t>(position_),
                        begin + static_cast<std::ptrdiff_t>(position), '\n');
    position_ = position;
  }

  [[noreturn]] void fail_here(std::string_view what) const {
    fail(ErrorCode::corrupt_file, "chat template line {}: {}", line_, what);
  }

  std::string_view source_;
  std::size_t position_ = 0;
  i64 line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (ssize_of(source) > max_source_bytes) {
    fail(ErrorCode::limit_exceeded, "chat template: {} bytes of source, {} are allowed",
         source.size(), max_source_bytes);
  }
  if (!is_utf8(source)) fail(ErrorCode::corrupt_file, "chat template: not valid UTF-8");
  const std::string text = normalise_line_ends(source);
  return Lexer(text).run();
}

}  // namespace medlar::text::jinja
