#pragma once

#include <string_view>
#include <vector>

#include "clinical/span.h"

namespace medlar::clinical {

/// Identifiers that have a written form: numbers, addresses of the net, dates, ages above 89.
/// Patterns run by PCRE2, each with bounded repetition, so the time is linear in the text.
/// Spans may overlap; they are in no order.
std::vector<Span> find_patterns(std::string_view text);

}  // namespace medlar::clinical
