#pragma once

#include <vector>

#include "clinical/deid/words.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// Geography and institutions: streets and the address that follows, cities, states and countries
/// of the gazetteer, hospitals and organisations by their last word, and what stands after "seen
/// at". Spans are in no order and may overlap.
std::vector<Span> find_places(const std::vector<KnownWord>& words);

}  // namespace medlar::clinical
