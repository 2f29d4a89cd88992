#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/jinja_builtins.h"
#include "text/jinja_format.h"
#include "text/jinja_text.h"

/// Methods of str.
namespace medlar::text::jinja {
namespace {

using Method = Value (*)(Environment&, const std::string&, const Arguments&);
using MethodEntry = std::pair<std::string_view, Method>;

Value keep(Environment& environment, std::string_view text) {
  return environment.heap.text(std::string(text));
}

Value keep_all(Environment& environment, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (std::string_view part : parts) items.push_back(keep(environment, part));
  return environment.heap.list(std::move(items));
}

template <Case how>
Value to_case(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("a change of case", given, {});
  return environment.heap.text(change_case(text, how));
}

template <Side side>
Value strip_side(Environment& environment, const std::string& text, const Arguments& given) {
  return keep(environment, strip(text, side, Bound("strip", given, {"chars"}).optional_text(0)));
}

template <Side side>
Value split_side(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("split", given, {"sep", "maxsplit"});
  const auto separator = bound.optional_text(0);
  if (separator && separator->empty())
    fail(ErrorCode::invalid_argument, "chat template: split at an empty separator");
  const i64 maximum = bound.integer(1, -1);
  environment.heap.charge_text(ssize_of(text));
  return keep_all(environment, side == Side::left ? split(text, separator, maximum)
                                                  : split_right(text, separator, maximum));
}

template <Side side>
Value partition(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("partition", given, {"sep"});
  const std::string_view separator = bound.text(0, "");
  if (separator.empty())
    fail(ErrorCode::invalid_argument, "chat template: partition at an empty separator");
  environment.heap.charge_text(ssize_of(text));
  const i64 found =
      side == Side::left ? find_text(text, separator) : find_last_text(text, separator);
  const std::string_view view = text;
  const Value none = keep(environment, "");
  if (found < 0 && side == Side::left)
    return environment.heap.tuple({keep(environment, text), none, none});
  if (found < 0) return environment.heap.tuple({none, none, keep(environment, text)});
  const auto place = static_cast<std::size_t>(found);
  return environment.heap.tuple({keep(environment, view.substr(0, place)),
                                 keep(environment, separator),
                                 keep(environment, view.substr(place + separator.size()))});
}

Value split_lines_method(Environment& environment, const std::string& text,
                         const Arguments& given) {
  const bool keeps = Bound("splitlines", given, {"keepends"}).truth(0, false);
  return keep_all(environment, split_lines(text, keeps ? LineEnds::keep : LineEnds::drop));
}

/// The part of the text between the optional character indices of startswith, find and count.
struct Part {
  std::string_view text;
  i64 first_character;
};
Part part_of(Environment& environment, std::string_view text, const Bound& bound) {
  environment.heap.charge_text(ssize_of(text));
  if (bound.get(1) == nullptr && bound.get(2) == nullptr) return {text, 0};
  const i64 size = count_characters(text);
  const auto index = [&](i64 argument, i64 fallback) {
    const i64 value = bound.integer(argument, fallback);
    return std::clamp(value < 0 ? value + size : value, i64{0}, size);
  };
  const i64 start = index(1, 0);
  const i64 begin = byte_offset(text, start);
  const i64 end = std::max(begin, byte_offset(text, index(2, size)));
  return {text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
          start};
}

template <Side side>
Value has_affix(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("startswith or endswith", given, {"affix", "start", "end"});
  const std::string_view part = part_of(environment, text, bound).text;
  const auto matches = [&](const Value& affix) {
    if (!affix.is_text()) fail_type("startswith or endswith needs a text, not", affix);
    return side == Side::left ? part.starts_with(affix.text()) : part.ends_with(affix.text());
  };
  const Value& wanted = bound.need(0);
  if (const auto* list = wanted.get_if<List*>(); list != nullptr && (*list)->is_tuple) {
    return Value(std::any_of((*list)->items.begin(), (*list)->items.end(), matches));
  }
  return Value(matches(wanted));
}

enum class IfAbsent { minus_one, error };
template <Side side, IfAbsent absent>
Value find_method(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("find or index", given, {"sub", "start", "end"});
  bound.need(0);
  const Part part = part_of(environment, text, bound);
  const i64 offset = side == Side::left ? find_text(part.text, bound.text(0, ""))
                                        : find_last_text(part.text, bound.text(0, ""));
  if (offset < 0 && absent == IfAbsent::error)
    fail(ErrorCode::invalid_argument, "chat template: substring not found");
  if (offset < 0) return Value(i64{-1});
  return Value(part.first_character +
               count_characters(part.text.substr(0, static_cast<std::size_t>(offset))));
}

Value count_method(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("count", given, {"sub", "start", "end"});
  bound.need(0);
  const std::string_view part = part_of(environment, text, bound).text;
  const std::string_view wanted = bound.text(0, "");
  if (wanted.empty()) return Value(count_characters(part) + 1);
  i64 count = 0;
  for (i64 at = find_text(part, wanted); at >= 0;
       at = find_text(part, wanted, at + ssize_of(wanted)))
    ++count;
  return Value(count);
}

Value replace_method(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("replace", given, {"old", "new", "count"});
  bound.need(1);
  return environment.heap.text(
      replace_text(environment, text, bound.text(0, ""), bound.text(1, ""), bound.integer(2, -1)));
}

Value join_method(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("join", given, {"iterable"});
  std::string out;
  bool first = true;
  for (const Value& item : items_of(environment.heap, bound.need(0))) {
    if (!item.is_text()) fail_type("join needs texts, not", item);
    if (!first) out += text;
    first = false;
    out += item.text();
    check_text_size(environment, out, ssize_of(text) + ssize_of(item.text()));
  }
  return environment.heap.text(std::move(out));
}

Value format_method(Environment& environment, const std::string& text, const Arguments& given) {
  return environment.heap.text(format_braces(text, given));
}

template <Side side>
Value remove_affix(Environment& environment, const std::string& text, const Arguments& given) {
  const std::string_view affix =
      Bound("removeprefix or removesuffix", given, {"affix"}).text(0, "");
  std::string_view view = text;
  if (side == Side::left && view.starts_with(affix)) view.remove_prefix(affix.size());
  if (side == Side::right && view.ends_with(affix)) view.remove_suffix(affix.size());
  return keep(environment, view);
}

using CharacterTest = bool (*)(i32);
bool is_letter_or_digit(i32 code) { return is_letter(code) || is_digit(code); }

template <CharacterTest test>
Value all_are(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("a test of characters", given, {});
  environment.heap.charge_text(ssize_of(text));
  const auto all = characters(text);
  return Value(!all.empty() &&
               std::all_of(all.begin(), all.end(), [](auto c) { return test(code_point(c)); }));
}

/// isupper and islower: some letter has a case, and all that have are of this one.
template <Case how>
Value is_of_case(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("a test of case", given, {});
  environment.heap.charge_text(ssize_of(text));
  const Case other = how == Case::upper ? Case::lower : Case::upper;
  return Value(change_case(text, how) == text && change_case(text, other) != text);
}

/// ljust (text on the left), rjust and center.
template <Side side>
Value justify(Environment& environment, const std::string& text, const Arguments& given) {
  const Bound bound("ljust, rjust or center", given, {"width", "fill"});
  return environment.heap.text(pad_text(text, bound.integer(0, 0), bound.text(1, " "), side));
}

Value zero_fill(Environment& environment, const std::string& text, const Arguments& given) {
  const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const i64 width = Bound("zfill", given, {"width"}).integer(0, 0) - static_cast<i64>(sign);
  return environment.heap.text(text.substr(0, sign) +
                               pad_text(text.substr(sign), width, "0", Side::right));
}

constexpr std::array<MethodEntry, 35> methods = {{
    {"strip", strip_side<Side::both>},
    {"lstrip", strip_side<Side::left>},
    {"rstrip", strip_side<Side::right>},
    {"split", split_side<Side::left>},
    {"rsplit", split_side<Side::right>},
    {"splitlines", split_lines_method},
    {"partition", partition<Side::left>},
    {"rpartition", partition<Side::right>},
    {"startswith", has_affix<Side::left>},
    {"endswith", has_affix<Side::right>},
    {"find", find_method<Side::left, IfAbsent::minus_one>},
    {"rfind", find_method<Side::right, IfAbsent::minus_one>},
    {"index", find_method<Side::left, IfAbsent::error>},
    {"rindex", find_method<Side::right, IfAbsent::error>},
    {"count", count_method},
    {"replace", replace_method},
    {"join", join_method},
    {"format", format_method},
    {"removeprefix", remove_affix<Side::left>},
    {"removesuffix", remove_affix<Side::right>},
    {"upper", to_case<Case::upper>},
    {"lower", to_case<Case::lower>},
    {"casefold", to_case<Case::lower>},
    {"title", to_case<Case::title>},
    {"capitalize", to_case<Case::capitalize>},
    {"swapcase", to_case<Case::swap>},
    {"isdigit", all_are<is_digit>},
    {"isdecimal", all_are<is_digit>},
    {"isnumeric", all_are<is_digit>},
    {"isalpha", all_are<is_letter>},
    {"isalnum", all_are<is_letter_or_digit>},
    {"isspace", all_are<is_space>},
    {"isupper", is_of_case<Case::upper>},
    {"islower", is_of_case<Case::lower>},
    {"zfill", zero_fill},
}};

constexpr std::array<MethodEntry, 3> padding_methods = {{
    {"ljust", justify<Side::left>},
    {"rjust", justify<Side::right>},
    {"center", justify<Side::both>},
}};

Method method_named(std::string_view name) {
  for (const auto& [known, method] : methods) {
    if (known == name) return method;
  }
  for (const auto& [known, method] : padding_methods) {
    if (known == name) return method;
  }
  return nullptr;
}

}  // namespace

bool has_text_method(std::string_view name) { return method_named(name) != nullptr; }

Value call_text_method(Environment& environment, const std::string& text, std::string_view name,
                       const Arguments& given) {
  environment.heap.charge_text(ssize_of(text));
  return method_named(name)(environment, text, given);
}

void check_text_size(Environment& environment, const std::string& text, i64 added) {
  environment.heap.charge_text(added);
  if (ssize_of(text) > max_text_bytes) {
    fail(ErrorCode::limit_exceeded, "chat template: a text of more than {} bytes", max_text_bytes);
  }
}

std::string pad_text(std::string_view text, i64 width, std::string_view fill, Side text_side) {
  if (width > max_text_bytes)
    fail(ErrorCode::limit_exceeded, "chat template: a width of {}", width);
  if (count_characters(fill) != 1)
    fail(ErrorCode::invalid_argument, "chat template: the fill must be one character");
  const i64 missing = std::max<i64>(0, width - count_characters(text));
  // The odd one goes where str.center puts it.
  const i64 left = text_side == Side::left    ? 0
                   : text_side == Side::right ? missing
                                              : missing / 2 + (missing & width & 1);
  std::string out;
  for (i64 i = 0; i < left; ++i) out += fill;
  out += text;
  for (i64 i = left; i < missing; ++i) out += fill;
  return out;
}

std::string replace_text(Environment& environment, std::string_view text, std::string_view old,
                         std::string_view by, i64 maximum) {
  environment.heap.charge_text(ssize_of(text));
  std::string out;
  if (old.empty()) {  // Python inserts before every character and at the end
    i64 done = 0;
    const auto insert = [&] {
      if (maximum >= 0 && done >= maximum) return;
      out += by;
      ++done;
    };
    for (std::string_view character : characters(text)) {
      insert();
      out += character;
      check_text_size(environment, out, ssize_of(by));
    }
    insert();
    return out;
  }
  bool first = true;
  for (std::string_view part : split(text, old, maximum)) {
    if (!first) out += by;
    first = false;
    out += part;
    check_text_size(environment, out, ssize_of(by));
  }
  return out;
}

}  // namespace medlar::text::jinja
