#pragma once

#include <string_view>

#include "text/jinja_ast.h"

namespace medlar::text::jinja {

/// Parses a whole template. Throws corrupt_file for broken syntax, unsupported for a tag of Jinja
/// that chat templates do not use (include, import, extends, block, ...), limit_exceeded for a
/// source that is too large or nested too deep; each names the line.
Body parse(std::string_view source);

}  // namespace medlar::text::jinja
