#include "text/jinja_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "base/error.h"
#include "text/jinja_limits.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

namespace medlar::text::jinja {
namespace {

/// One field of either notation.
struct Field {
  std::string fill = " ";
  char align = '\0';  // < > ^ =, or none
  char sign = '\0';   // + or blank
  bool alternate = false;
  bool thousands = false;
  i64 width = 0;
  std::optional<i64> precision;
  char type = '\0';
};

void check_size(const std::string& out) {
  if (ssize_of(out) > max_text_bytes) {
    fail(ErrorCode::limit_exceeded, "chat template: a text of more than {} bytes", max_text_bytes);
  }
}

[[noreturn]] void fail_format(std::string_view what) {
  fail(ErrorCode::invalid_argument, "chat template: format: {}", what);
}

i64 read_number(std::string_view text, std::size_t& i) {
  i64 number = 0;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
    number = number * 10 + (text[i++] - '0');
    if (number > max_field_width) {
      fail(ErrorCode::limit_exceeded, "chat template: a format field wider than {}",
           max_field_width);
    }
  }
  return number;
}

/// `digits` padded to the width; zeros go between the sign and the digits.
std::string pad(const std::string& digits, const Field& field, char usual_align) {
  const i64 missing = std::max<i64>(0, field.width - count_characters(digits));
  const char align = field.align != '\0' ? field.align : usual_align;
  std::string fill;
  for (i64 i = 0; i < missing; ++i) fill += field.fill;
  if (align == '<') return digits + fill;
  if (align == '^') {
    const auto left = fill.size() / field.fill.size() / 2 * field.fill.size();
    return fill.substr(0, left) + digits + fill.substr(left);
  }
  if (align == '=') {
    const std::size_t sign =
        !digits.empty() && (digits[0] == '-' || digits[0] == '+' || digits[0] == ' ') ? 1 : 0;
    return digits.substr(0, sign) + fill + digits.substr(sign);
  }
  return fill + digits;
}

std::string with_sign(std::string digits, const Field& field) {
  if (digits.starts_with('-') || field.sign == '\0') return digits;
  return field.sign + std::move(digits);
}

std::string with_thousands(std::string digits) {
  auto end = digits.find_first_of(".e");
  if (end == std::string::npos) end = digits.size();
  const std::size_t start = digits.starts_with('-') ? 1 : 0;
  for (std::size_t i = end; i > start + 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string format_integer(i64 value, const Field& field) {
  std::string digits;
  switch (field.type) {
    case 'x':
      digits = fmt::format("{:x}", value);
      break;
    case 'X':
      digits = fmt::format("{:X}", value);
      break;
    case 'b':
      digits = fmt::format("{:b}", value);
      break;
    case 'o':
      digits = fmt::format("{:o}", value);
      break;
    default:
      digits = fmt::format("{}", value);
  }
  constexpr std::string_view based = "xXbo";
  if (field.alternate && based.find(field.type) != std::string_view::npos) {
    digits.insert(digits.starts_with('-') ? 1 : 0, std::string{'0', field.type});
  }
  if (field.thousands) digits = with_thousands(digits);
  return pad(with_sign(digits, field), field, '>');
}

std::string format_real(double value, const Field& field) {
  const int precision = static_cast<int>(field.precision.value_or(6));
  std::string digits;
  switch (field.type) {
    case 'e':
      digits = fmt::format("{:.{}e}", value, precision);
      break;
    case 'E':
      digits = fmt::format("{:.{}E}", value, precision);
      break;
    case 'g':
      digits = fmt::format("{:.{}g}", value, precision);
      break;
    case 'G':
      digits = fmt::format("{:.{}G}", value, precision);
      break;
    case '%':
      digits = fmt::format("{:.{}f}%", value * 100, precision);
      break;
    case '\0':
      digits = field.precision ? fmt::format("{:.{}g}", value, precision) : float_text(value);
      break;
    default:
      digits = fmt::format("{:.{}f}", value, precision);
  }
  if (field.thousands) digits = with_thousands(digits);
  return pad(with_sign(digits, field), field, '>');
}

std::string format_string(std::string text, const Field& field) {
  if (field.precision) text.resize(static_cast<std::size_t>(byte_offset(text, *field.precision)));
  return pad(text, field, '<');
}

/// One value of `format % values`.
std::string percent_field(const Value& value, Field field) {
  if (field.align == '\0') field.align = '>';
  switch (field.type) {
    case 's':
      return format_string(to_text(value), field);
    case 'r':
    case 'a':
      return format_string(repr(value), field);
    case 'c':
      if (value.is_text() && count_characters(value.text()) == 1)
        return format_string(value.text(), field);
      if (value.is<i64>() && value.integer() >= 0 && value.integer() < 0xd800) {
        return format_string(encode_utf8(static_cast<i32>(value.integer())), field);
      }
      fail_format("%c needs one character");
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      if (const auto* real = value.get_if<double>(); real != nullptr && std::abs(*real) < 9e18) {
        return format_integer(static_cast<i64>(*real), field);
      }
      if (!value.is_integer()) fail_type("%d needs a number, not a value of type", value);
      return format_integer(value.integer(), field);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      if (!value.is_number()) fail_type("%f needs a number, not a value of type", value);
      return format_real(value.real(), field);
    default:
      fail_format("an unknown field");
  }
}

/// Reads what follows a `%`, up to and including the letter.
Field read_percent_field(std::string_view format, std::size_t& i) {
  Field field;
  for (; i < format.size(); ++i) {
    const char c = format[i];
    if (c == '-')
      field.align = '<';
    else if (c == '+')
      field.sign = '+';
    else if (c == ' ' && field.sign == '\0')
      field.sign = ' ';
    else if (c == '#')
      field.alternate = true;
    else if (c == '0' && field.align != '<')
      field.fill = "0", field.align = '=';
    else if (c != ' ' && c != '0')
      break;
  }
  field.width = read_number(format, i);
  if (i < format.size() && format[i] == '.') field.precision = read_number(format, ++i);
  if (i >= format.size()) fail_format("a field that does not end");
  field.type = format[i++];
  if (field.align == '<') field.fill = " ";
  return field;
}

/// A format specification: [[fill]align][sign][#][0][width][,][.precision][type].
Field read_specification(std::string_view text) {
  Field field;
  std::size_t i = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!text.empty()) {
    const auto first = static_cast<std::size_t>(character_bytes(text, 0));
    if (first < text.size() && is_align(text[first])) {
      field.fill = text.substr(0, first);
      field.align = text[first];
      i = first + 1;
    } else if (is_align(text[0])) {
      field.align = text[0];
      i = 1;
    }
  }
  if (i < text.size() && (text[i] == '+' || text[i] == ' ' || text[i] == '-')) {
    if (text[i] != '-') field.sign = text[i];
    ++i;
  }
  if (i < text.size() && text[i] == '#') field.alternate = true, ++i;
  if (i < text.size() && text[i] == '0') {
    if (field.align == '\0') field.fill = "0", field.align = '=';
    ++i;
  }
  field.width = read_number(text, i);
  if (i < text.size() && text[i] == ',') field.thousands = true, ++i;
  if (i < text.size() && text[i] == '.') field.precision = read_number(text, ++i);
  if (i < text.size()) field.type = text[i++];
  if (i != text.size()) fail_format("a specification that is not understood");
  return field;
}

std::string brace_field(const Value& value, char conversion, std::string_view specification) {
  if (conversion == 'r') return format_string(repr(value), read_specification(specification));
  const Field field = read_specification(specification);
  if (conversion == 's' || value.is_text() || !value.is_number() ||
      (value.is<bool>() && field.type == '\0')) {
    if (field.type != '\0' && field.type != 's') fail_format("a number's format for another value");
    return format_string(to_text(value), field);
  }
  constexpr std::string_view integer_types = "dxXobn";
  const bool wants_integer = integer_types.find(field.type) != std::string_view::npos;
  if (value.is_integer() && (field.type == '\0' || wants_integer))
    return format_integer(value.integer(), field);
  if (wants_integer || field.type == 's') fail_format("a format that does not fit the value");
  return format_real(value.real(), field);
}

class BraceFormatter {
 public:
  BraceFormatter(std::string_view format, const Arguments& given)
      : format_(format), given_(given) {}

  std::string run() {
    std::string out;
    for (std::size_t i = 0; i < format_.size();) {
      const char c = format_[i];
      const bool doubled = i + 1 < format_.size() && format_[i + 1] == c;
      if ((c == '{' || c == '}') && doubled) {
        out += c;
        i += 2;
      } else if (c == '{') {
        const auto end = format_.find('}', i);
        if (end == std::string_view::npos) fail_format("'{' without '}'");
        out += field(format_.substr(i + 1, end - i - 1));
        check_size(out);
        i = end + 1;
      } else if (c == '}') {
        fail_format("'}' without '{'");
      } else {
        out += c;
        ++i;
      }
    }
    return out;
  }

 private:
  std::string field(std::string_view text) {
    std::string_view specification;
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
      specification = text.substr(colon + 1);
      text = text.substr(0, colon);
    }
    char conversion = '\0';
    if (const auto mark = text.find('!'); mark != std::string_view::npos) {
      if (mark + 2 != text.size()) fail_format("a conversion that is not understood");
      conversion = text[mark + 1];
      text = text.substr(0, mark);
    }
    return brace_field(argument(text), conversion, specification);
  }

  const Value& argument(std::string_view name) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
      std::size_t i = 0;
      const i64 index = name.empty() ? next_++ : read_number(name, i);
      if (i != name.size() || index >= ssize_of(given_.positional))
        fail_format("a field without a value");
      return given_.positional[static_cast<std::size_t>(index)];
    }
    for (const auto& [known, value] : given_.named) {
      if (known == name) return value;
    }
    fail_format("a named field without a value");
  }

  std::string_view format_;
  const Arguments& given_;
  i64 next_ = 0;
};

}  // namespace

std::string format_percent(std::string_view format, const Value& values) {
  const auto* list = values.get_if<List*>();
  const bool is_tuple = list != nullptr && (*list)->is_tuple;
  const i64 count = is_tuple ? ssize_of((*list)->items) : 1;
  i64 used = 0;
  std::string out;
  for (std::size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      out += format[i++];
      continue;
    }
    if (++i >= format.size()) fail_format("a field that does not end");
    if (format[i] == '%') {
      out += '%';
      ++i;
      continue;
    }
    const Value* value = nullptr;
    if (format[i] == '(') {
      const auto end = format.find(')', i);
      const auto* dict = values.get_if<Dict*>();
      if (end == std::string_view::npos || dict == nullptr) fail_format("%(name) needs a dict");
      value = (*dict)->find(std::string(format.substr(i + 1, end - i - 1)));
      if (value == nullptr) fail_format("%(name) without a value");
      i = end + 1;
    }
    const Field field = read_percent_field(format, i);
    if (value == nullptr) {
      if (used >= count) fail_format("more fields than values");
      value = is_tuple ? &(*list)->items[static_cast<std::size_t>(used)] : &values;
      ++used;
    }
    out += percent_field(*value, field);
    check_size(out);
  }
  if (used < count && !values.is<Dict*>() && !(list != nullptr && !is_tuple))
    fail_format("more values than fields");
  return out;
}

std::string format_braces(std::string_view format, const Arguments& given) {
  return BraceFormatter(format, given).run();
}

std::chrono::local_seconds local_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  using namespace std::chrono;
  const local_days day(year(parts.tm_year + 1900) / month(static_cast<unsigned>(parts.tm_mon + 1)) /
                       std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
  return day + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

std::string format_time(std::string_view format, std::chrono::local_seconds time) {
  using namespace std::chrono;
  constexpr std::array<std::string_view, 7> days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
  constexpr std::array<std::string_view, 12> months = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  const local_days day = floor<std::chrono::days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  const i64 year = static_cast<int>(date.year());
  const auto month = static_cast<unsigned>(date.month());
  const auto day_of_month = static_cast<unsigned>(date.day());
  const std::string_view day_name = days[weekday(day).c_encoding()];
  const std::string_view month_name = months[month - 1];
  const i64 hour = clock.hours().count();
  const i64 hour_12 = hour % 12 == 0 ? 12 : hour % 12;
  const i64 day_of_year = (day - local_days(date.year() / January / 1)).count() + 1;

  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    bool padded = true;
    ++i;
    if (format[i] == '-' && i + 1 < format.size()) {
      padded = false;
      ++i;
    }
    const auto number = [&](i64 value, int width) {
      out += fmt::format("{:0{}}", value, padded ? width : 1);
    };
    switch (format[i]) {
      case 'Y':
        number(year, 1);
        break;
      case 'y':
        number(year % 100, 2);
        break;
      case 'm':
        number(month, 2);
        break;
      case 'd':
        number(day_of_month, 2);
        break;
      case 'e':
        out += fmt::format("{:{}}", day_of_month, padded ? 2 : 1);
        break;
      case 'H':
        number(hour, 2);
        break;
      case 'I':
        number(hour_12, 2);
        break;
      case 'M':
        number(clock.minutes().count(), 2);
        break;
      case 'S':
        number(clock.seconds().count(), 2);
        break;
      case 'f':
        out += "000000";
        break;
      case 'j':
        number(day_of_year, 3);
        break;
      case 'u':
        number(weekday(day).iso_encoding(), 1);
        break;
      case 'w':
        number(weekday(day).c_encoding(), 1);
        break;
      case 'p':
        out += hour < 12 ? "AM" : "PM";
        break;
      case 'A':
        out += day_name;
        break;
      case 'a':
        out += day_name.substr(0, 3);
        break;
      case 'B':
        out += month_name;
        break;
      case 'b':
      case 'h':
        out += month_name.substr(0, 3);
        break;
      case 'F':
        out += format_time("%Y-%m-%d", time);
        break;
      case 'T':
      case 'X':
        out += format_time("%H:%M:%S", time);
        break;
      case 'R':
        out += format_time("%H:%M", time);
        break;
      case 'D':
      case 'x':
        out += format_time("%m/%d/%y", time);
        break;
      case 'c':
        out += format_time("%a %b %e %H:%M:%S %Y", time);
        break;
      case 'Z':
      case 'z':
        break;  // a civil time has no zone
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '%':
        out += '%';
        break;
      default:
        fail(ErrorCode::unsupported, "chat template: strftime has no %{} here", format[i]);
    }
  }
  return out;
}

}  // namespace medlar::text::jinja
