#pragma once

#include <vector>

#include "runtime/conformance.h"
#include "text/tokenizer.h"

namespace medlar::runtime {

/// Runs GLiNER's cases {"labels", "texts": [{"text", "words", "entities": {mode: [..]}}]}: the
/// words of each text and the spans of each mode ("flat" or "nested", "_multi_label",
/// "_threshold_0.2"), offsets in code points, scores within the tolerance. Throws invalid_argument
/// for another form.
std::vector<VectorResult> verify_zero_shot(Runner& runner, const text::Tokenizer& tokenizer,
                                           const Json& cases, double tolerance);

}  // namespace medlar::runtime
