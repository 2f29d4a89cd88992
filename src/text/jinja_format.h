#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja_builtins.h"

/// printf-like and other formats of Python.
namespace medlar::text::jinja {

/// `format % values`: a tuple gives one value to each field, a dict serves %(name)s, another value
/// serves the only field. Throws invalid_argument where values and fields do not match.
std::string format_percent(std::string_view format, const Value& values);

/// `format.format(...)`: {}, {0}, {name}, with !r, !s and a format specification.
std::string format_braces(std::string_view format, const Arguments& given);

/// strftime in the C locale, with the `-` flag for "no padding". Throws unsupported for other
/// letters.
std::string format_time(std::string_view format, std::chrono::local_seconds time);

/// The local clock.
std::chrono::local_seconds local_now();

}  // namespace medlar::text::jinja
