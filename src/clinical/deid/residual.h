#pragma once

#include <string_view>
#include <vector>

#include "clinical/span.h"

namespace medlar::clinical {

/// What a second, different look at de-identified text would still flag: it knows no names and no
/// places, only shapes (capitals that are no common word, runs of digits, signs of addresses).
/// Masks in brackets are passed over. A finding is a place to look at, not a leak for certain.
std::vector<Span> residual(std::string_view text);

}  // namespace medlar::clinical
