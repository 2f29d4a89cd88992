#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer_cases.h"

namespace medlar::text {

/// True for a golden case of harmony, or a list of such cases.
bool is_harmony_golden(const Json& golden);

/// Holds harmony's rendering and parsing against cases of the reference library: `kind` "render"
/// (conversation -> ids, text or error) or "parse" (ids, or the text where there are none ->
/// messages or error, and the stream's state at each token). Throws corrupt_file for a file of
/// another form, unsupported for a tokenizer without harmony's marks.
std::vector<CaseResult> verify_harmony_cases(const Tokenizer& tokenizer, const Json& golden);

}  // namespace medlar::text
