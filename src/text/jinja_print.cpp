#include "text/jinja_print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "text/jinja_text.h"

namespace medlar::text::jinja {
namespace {

void check_bounds(const std::string& out, i64 depth) {
  if (ssize_of(out) > max_text_bytes) {
    fail(ErrorCode::limit_exceeded, "chat template: a text of more than {} bytes", max_text_bytes);
  }
  if (depth > max_value_depth) {
    fail(ErrorCode::limit_exceeded, "chat template: values nested deeper than {}", max_value_depth);
  }
}

void append_repr(std::string& out, std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out += quote;
  for (i64 i = 0; i < ssize_of(text);) {
    const auto character = text.substr(static_cast<std::size_t>(i),
                                       static_cast<std::size_t>(character_bytes(text, i)));
    const i32 code = code_point(character);
    i += ssize_of(character);
    if (code == quote || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\r') {
      out += "\\r";
    } else if (code == '\t') {
      out += "\\t";
    } else if (is_printable(code)) {
      out += character;
    } else if (code < 0 || code < 0x100) {
      out += fmt::format("\\x{:02x}", code < 0 ? static_cast<u8>(character[0]) : code);
    } else if (code < 0x10000) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      out += fmt::format("\\U{:08x}", code);
    }
  }
  out += quote;
}

void append_value_repr(std::string& out, const Value& value, i64 depth);

void append_list(std::string& out, const List& list, i64 depth) {
  out += list.is_tuple ? '(' : '[';
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out += ", ";
    append_value_repr(out, list.items[i], depth + 1);
  }
  if (list.is_tuple && list.items.size() == 1) out += ',';
  out += list.is_tuple ? ')' : ']';
}

void append_dict(std::string& out, const Dict& dict, i64 depth) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out += ", ";
    first = false;
    append_value_repr(out, key, depth + 1);
    out += ": ";
    append_value_repr(out, value, depth + 1);
  }
  out += '}';
}

void append_value_repr(std::string& out, const Value& value, i64 depth) {
  check_bounds(out, depth);
  if (value.is_text()) {
    append_repr(out, value.text());
  } else if (value.is<Undefined>()) {
    out += "Undefined";
  } else if (value.is<None>()) {
    out += "None";
  } else if (const auto* boolean = value.get_if<bool>()) {
    out += *boolean ? "True" : "False";
  } else if (const auto* integer = value.get_if<i64>()) {
    out += fmt::format("{}", *integer);
  } else if (const auto* large = value.get_if<u64>()) {
    out += fmt::format("{}", *large);
  } else if (const auto* real = value.get_if<double>()) {
    out += float_text(*real);
  } else if (const auto* list = value.get_if<List*>()) {
    append_list(out, **list, depth);
  } else if (const auto* dict = value.get_if<Dict*>()) {
    append_dict(out, **dict, depth);
  } else if (const auto* names = value.get_if<Namespace*>()) {
    out += "<Namespace ";
    append_dict(out, (*names)->attributes, depth + 1);
    out += '>';
  } else {
    out += fmt::format("<{}>", type_name(value));
  }
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  std::string write(const Value& value) {
    append(value, 0);
    return std::move(out_);
  }

 private:
  void append(const Value& value, i64 depth) {
    check_bounds(out_, depth);
    if (value.is_text()) {
      append_string(value.text());
    } else if (value.is<None>()) {
      out_ += "null";
    } else if (value.is_number()) {
      append_number(value);
    } else if (const auto* list = value.get_if<List*>()) {
      append_list(**list, depth);
    } else if (const auto* dict = value.get_if<Dict*>()) {
      append_dict(**dict, depth);
    } else {
      fail(ErrorCode::invalid_argument,
           "chat template: tojson has no JSON for a value of type '{}'", type_name(value));
    }
  }

  void append_number(const Value& value) {
    if (const auto* boolean = value.get_if<bool>()) {
      out_ += *boolean ? "true" : "false";
    } else if (const auto* integer = value.get_if<i64>()) {
      out_ += fmt::format("{}", *integer);
    } else if (const auto* large = value.get_if<u64>()) {
      out_ += fmt::format("{}", *large);
    } else if (const double real = value.get<double>(); std::isnan(real)) {
      out_ += "NaN";
    } else if (std::isinf(real)) {
      out_ += real < 0 ? "-Infinity" : "Infinity";
    } else {
      out_ += float_text(real);
    }
  }

  void append_list(const List& list, i64 depth) {
    out_ += '[';
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      break_line(depth + 1);
      append(list.items[i], depth + 1);
    }
    if (!list.items.empty()) break_line(depth);
    out_ += ']';
  }

  void append_dict(const Dict& dict, i64 depth) {
    std::vector<Dict::Entry> entries = dict.entries();
    if (style_.sort_keys) sort_by_first(entries, Order::ascending);
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : entries) {
      if (!first) out_ += style_.item_separator;
      first = false;
      break_line(depth + 1);
      append_key(key);
      out_ += style_.key_separator;
      append(value, depth + 1);
    }
    if (!entries.empty()) break_line(depth);
    out_ += '}';
  }

  void append_key(const Value& key) {
    if (key.is_text()) {
      append_string(key.text());
    } else if (key.is_number() || key.is<None>()) {
      out_ += '"';
      append(key, 0);
      out_ += '"';
    } else {
      fail(ErrorCode::invalid_argument, "chat template: tojson has no key for a value of type '{}'",
           type_name(key));
    }
  }

  void break_line(i64 depth) {
    if (!style_.indent) return;
    out_ += '\n';
    for (i64 i = 0; i < depth; ++i) {
      out_ += *style_.indent;
      check_bounds(out_, depth);
    }
  }

  void append_string(std::string_view text) {
    out_ += '"';
    for (i64 i = 0; i < ssize_of(text);) {
      const auto character = text.substr(static_cast<std::size_t>(i),
                                         static_cast<std::size_t>(character_bytes(text, i)));
      append_character(character);
      i += ssize_of(character);
    }
    out_ += '"';
  }

  void append_character(std::string_view character) {
    const i32 code = code_point(character);
    switch (code) {
      case '"':
        out_ += "\\\"";
        return;
      case '\\':
        out_ += "\\\\";
        return;
      case '\n':
        out_ += "\\n";
        return;
      case '\r':
        out_ += "\\r";
        return;
      case '\t':
        out_ += "\\t";
        return;
      case '\f':
        out_ += "\\f";
        return;
      case '\b':
        out_ += "\\b";
        return;
      default:
        break;
    }
    if (code >= 0 && code < 0x20) {
      out_ += fmt::format("\\u{:04x}", code);
    } else if (!style_.ascii_only || (code >= 0 && code < 0x7f)) {
      out_ += character;
    } else if (code < 0x10000) {
      out_ += fmt::format("\\u{:04x}", std::max(code, 0));
    } else {
      const i32 rest = code - 0x10000;  // a UTF-16 surrogate pair
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
    }
  }

  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // The shortest digits come from to_chars; Python uses an exponent below 1e-4 and from 1e16 on.
  char buffer[64];
  const auto scientific =
      std::to_chars(std::begin(buffer), std::end(buffer), value, std::chars_format::scientific);
  const std::string_view digits(buffer, static_cast<std::size_t>(scientific.ptr - buffer));
  int exponent = 0;
  const auto mark = digits.find('e');
  const char* exponent_start = digits.data() + mark + (digits[mark + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_start, scientific.ptr, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(digits);
  char fixed_buffer[512];
  const auto fixed = std::to_chars(std::begin(fixed_buffer), std::end(fixed_buffer), value,
                                   std::chars_format::fixed);
  std::string text(std::begin(fixed_buffer), fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string to_text(const Value& value) {
  if (value.is_text()) return value.text();
  if (value.is<Undefined>()) return {};
  return repr(value);
}

std::string repr(const Value& value) {
  std::string out;
  append_value_repr(out, value, 0);
  check_bounds(out, 0);
  return out;
}

std::string to_json_text(const Value& value, const JsonStyle& style) {
  std::string out = JsonWriter(style).write(value);
  check_bounds(out, 0);
  return out;
}

}  // namespace medlar::text::jinja
