#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "text/jinja_builtins.h"
#include "text/jinja_format.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

/// Filters that make a text or a number of one value.
namespace medlar::text::jinja {
namespace {

template <Case how>
Value to_case(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("a change of case", given, {});
  return environment.heap.text(change_case(to_text(input), how));
}

/// The filter, unlike the method, begins words only after a blank, a hyphen or an opening bracket.
Value title(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("title", given, {});
  std::string out;
  std::string word;
  const auto flush = [&] {
    out += change_case(word, Case::capitalize);
    word.clear();
  };
  const std::string text = to_text(input);
  for (std::string_view character : characters(text)) {
    const i32 code = code_point(character);
    const bool divides =
        is_space(code) || code == '-' || code == '(' || code == '{' || code == '[' || code == '<';
    if (divides) {
      flush();
      out += character;
    } else {
      word += character;
    }
  }
  flush();
  return environment.heap.text(std::move(out));
}

Value trim(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("trim", given, {"chars"});
  const std::string text = to_text(input);
  return environment.heap.text(std::string(strip(text, Side::both, bound.optional_text(0))));
}

Value replace(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("replace", given, {"old", "new", "count"});
  const std::string text = to_text(input);
  const std::string old = to_text(bound.need(0));
  const std::string by = to_text(bound.need(1));
  return environment.heap.text(replace_text(environment, text, old, by, bound.integer(2, -1)));
}

Value indent(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("indent", given, {"width", "first", "blank"});
  std::string indentation;
  if (bound.get(0) != nullptr && bound.get(0)->is_text()) {
    indentation = bound.get(0)->text();
  } else {
    indentation = pad_text("", bound.integer(0, 4), " ", Side::left);
  }
  const bool indents_blank = bound.truth(2, false);
  // The added newline makes a text that ends with one keep its last, empty line.
  const std::string text = to_text(input) + "\n";
  std::string out;
  bool first = true;
  for (std::string_view line : split_lines(text)) {
    if (!first) out += '\n';
    if (first ? bound.truth(1, false) : indents_blank || !line.empty()) out += indentation;
    first = false;
    out += line;
    check_text_size(environment, out, ssize_of(line) + ssize_of(indentation));
  }
  return environment.heap.text(std::move(out));
}

Value string(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("string", given, {});
  return input.is_text() ? input : environment.heap.text(to_text(input));
}

Value unchanged(Environment&, const Value& input, const Arguments& given) {
  const Bound bound("safe", given, {});
  return input;
}

Value escape(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("escape", given, {});
  std::string out;
  for (char c : to_text(input)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return environment.heap.text(std::move(out));
}

/// A whole text as a number, blanks around it allowed.
std::optional<double> parse_real(std::string_view text) {
  text = strip(text, Side::both);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<i64> parse_integer(std::string_view text, i64 base) {
  text = strip(text, Side::both);
  if (text.starts_with('+')) text.remove_prefix(1);
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  for (const auto& [prefix, prefix_base] :
       {std::pair{"0x", 16}, std::pair{"0o", 8}, std::pair{"0b", 2}}) {
    if (base == prefix_base && text.starts_with(prefix)) text.remove_prefix(2);
  }
  i64 value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, static_cast<int>(base));
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return is_negative ? -value : value;
}

std::optional<i64> truncated(double value) {
  if (!(std::abs(value) < 9.2e18)) return std::nullopt;
  return static_cast<i64>(value);
}

Value integer(Environment&, const Value& input, const Arguments& given) {
  const Bound bound("int", given, {"default", "base"});
  const Value fallback = bound.get(0) == nullptr ? Value(i64{0}) : *bound.get(0);
  const i64 base = bound.integer(1, 10);
  if (base < 2 || base > 36)
    fail(ErrorCode::invalid_argument, "chat template: int with base {}", base);
  if (input.is<Undefined>()) fail_undefined(input);
  if (input.is<u64>()) return input;
  std::optional<i64> value;
  if (input.is_integer()) value = input.integer();
  if (const auto* real = input.get_if<double>()) value = truncated(*real);
  if (input.is_text()) {
    value = parse_integer(input.text(), base);
    const auto real = value ? std::nullopt : parse_real(input.text());
    if (real) value = truncated(*real);
  }
  return value ? Value(*value) : fallback;
}

Value real(Environment&, const Value& input, const Arguments& given) {
  const Bound bound("float", given, {"default"});
  if (input.is<Undefined>()) fail_undefined(input);
  if (input.is_number()) return Value(input.real());
  const auto value = input.is_text() ? parse_real(input.text()) : std::nullopt;
  if (value) return Value(*value);
  return bound.get(0) == nullptr ? Value(0.0) : *bound.get(0);
}

Value absolute(Environment&, const Value& input, const Arguments& given) {
  const Bound bound("abs", given, {});
  if (const auto* number = input.get_if<double>()) return Value(std::abs(*number));
  if (input.is<u64>()) return input;
  if (!input.is_integer()) fail_type("abs needs a number, not", input);
  if (input.integer() == std::numeric_limits<i64>::min()) {
    fail(ErrorCode::limit_exceeded, "chat template: an integer beyond 63 bits");
  }
  return Value(std::abs(input.integer()));
}

Value round_filter(Environment&, const Value& input, const Arguments& given) {
  const Bound bound("round", given, {"precision", "method"});
  if (!input.is_number()) fail_type("round needs a number, not", input);
  const i64 precision = bound.integer(0, 0);
  const std::string_view method = bound.text(1, "common");
  if (method == "common" && !input.is<double>() && precision >= 0) return input;
  if (precision < -300 || precision > 300) return Value(input.real());
  if (method == "common" && precision >= 0) {
    // Correctly rounded, ties to even: as printing the digits and reading them back.
    return Value(
        parse_real(fmt::format("{:.{}f}", input.real(), precision)).value_or(input.real()));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return Value(std::ceil(input.real() * scale) / scale);
  if (method == "floor") return Value(std::floor(input.real() * scale) / scale);
  if (method != "common")
    fail(ErrorCode::invalid_argument, "chat template: round knows common, ceil and floor");
  return Value(std::nearbyint(input.real() * scale) / scale);
}

Value to_json(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("tojson", given, {"ensure_ascii", "indent", "separators", "sort_keys"});
  if (input.is<Undefined>()) fail_undefined(input);
  JsonStyle style;
  style.ascii_only = bound.truth(0, false);
  style.sort_keys = bound.truth(3, false);
  if (const Value* width = bound.get(1); width != nullptr && !width->is<None>()) {
    style.indent =
        width->is_text() ? width->text() : pad_text("", bound.integer(1, 0), " ", Side::left);
    style.item_separator = ",";
  }
  if (const Value* separators = bound.get(2); separators != nullptr && !separators->is<None>()) {
    const auto pair = items_of(environment.heap, *separators);
    if (pair.size() != 2 || !pair[0].is_text() || !pair[1].is_text()) {
      fail(ErrorCode::invalid_argument, "chat template: tojson needs two separators");
    }
    style.item_separator = pair[0].text();
    style.key_separator = pair[1].text();
  }
  return environment.heap.text(to_json_text(input, style));
}

/// Not in the reference environment; DeepSeek-V3.2 asks for it.
Value from_json(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("from_json", given, {});
  if (!input.is_text()) fail_type("from_json needs a text, not", input);
  const Json json = parse_json(input.text(), "chat template: from_json");
  return environment.heap.copy_json(json);
}

Value format(Environment& environment, const Value& input, const Arguments& given) {
  Value values;
  if (given.named.empty()) {
    values = environment.heap.tuple(given.positional);
  } else {
    values = call_function(environment, Function::dict, given);
  }
  return environment.heap.text(format_percent(to_text(input), values));
}

Value center(Environment& environment, const Value& input, const Arguments& given) {
  const i64 width = Bound("center", given, {"width"}).integer(0, 80);
  return environment.heap.text(pad_text(to_text(input), width, " ", Side::both));
}

Value truncate(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("truncate", given, {"length", "killwords", "end", "leeway"});
  const std::string text = to_text(input);
  const std::string_view end = bound.text(2, "...");
  const i64 length = bound.integer(0, 255);
  const i64 kept = length - count_characters(end);
  if (kept < 0) fail(ErrorCode::invalid_argument, "chat template: truncate to less than its end");
  constexpr i64 usual_leeway = 5;
  if (count_characters(text) <= length + bound.integer(3, usual_leeway))
    return environment.heap.text(text);
  std::string cut = text.substr(0, static_cast<std::size_t>(byte_offset(text, kept)));
  if (!bound.truth(1, false)) {
    if (const auto blank = cut.rfind(' '); blank != std::string::npos) cut.resize(blank);
  }
  return environment.heap.text(cut + std::string(end));
}

Value count_words(Environment&, const Value& input, const Arguments& given) {
  const Bound bound("wordcount", given, {});
  i64 words = 0;
  bool inside = false;
  const std::string text = to_text(input);
  for (std::string_view character : characters(text)) {
    const i32 code = code_point(character);
    const bool is_word = is_letter(code) || is_digit(code) || code == '_';
    words += static_cast<i64>(is_word && !inside);
    inside = is_word;
  }
  return Value(words);
}

Value encode_url(Environment& environment, const Value& input, const Arguments& given) {
  const Bound bound("urlencode", given, {});
  constexpr std::string_view kept =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/";
  std::string out;
  for (char c : to_text(input)) {
    if (kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<u8>(c));
    }
  }
  return environment.heap.text(std::move(out));
}

}  // namespace

std::span<const FilterEntry> text_filters() {
  static constexpr std::array<FilterEntry, 26> filters = {{
      {"trim", trim},
      {"replace", replace},
      {"indent", indent},
      {"upper", to_case<Case::upper>},
      {"lower", to_case<Case::lower>},
      {"capitalize", to_case<Case::capitalize>},
      {"title", title},
      {"string", string},
      {"safe", unchanged},
      {"escape", escape},
      {"e", escape},
      {"forceescape", escape},
      {"int", integer},
      {"float", real},
      {"abs", absolute},
      {"round", round_filter},
      {"tojson", to_json},
      {"from_json", from_json},
      {"fromjson", from_json},
      {"format", format},
      {"center", center},
      {"truncate", truncate},
      {"wordcount", count_words},
      {"urlencode", encode_url},
      {"pprint", [](Environment& environment, const Value& input,
                    const Arguments&) { return environment.heap.text(repr(input)); }},
      {"strip", trim},
  }};
  return filters;
}

}  // namespace medlar::text::jinja
