#pragma once

#include <optional>
#include <string>

#include "text/jinja_value.h"

/// How values become text, with Python's spelling.
namespace medlar::text::jinja {

/// str(value): a text as it is, nothing for an undefined value, the others as repr does. Throws
/// limit_exceeded above max_text_bytes, or below max_value_depth lists.
std::string to_text(const Value& value);

/// repr(value): texts in quotes, None, True, 1e-07.
std::string repr(const Value& value);

/// The shortest digits that read back as the same number, as repr(float) writes them.
std::string float_text(double value);

struct JsonStyle {
  std::optional<std::string> indent;  ///< of one level; empty = everything on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool ascii_only = false;
  bool sort_keys = false;
};

/// json.dumps(value). Throws invalid_argument for values JSON does not have, and as to_text.
std::string to_json_text(const Value& value, const JsonStyle& style);

}  // namespace medlar::text::jinja
