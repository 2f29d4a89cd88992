#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

namespace medlar::text {

/// One vector of a golden file held against a tokenizer.
struct CaseResult {
  std::string name;      ///< case and field, e.g. "digits-027 offsets"
  std::string expected;  ///< as JSON; empty where the case passes
  std::string got;       ///< as JSON, or the error's message
  bool pass = false;
};

/// Holds a tokenizer against golden vectors of the reference libraries: `cases` (ids, offsets,
/// ids_special, ids_plain, decoded, decoded_skip, stream), `pairs`, `windows`, `specials`.
/// For files whose `reference` is SentencePiece, `ids` takes control symbols in the text as text.
/// Throws corrupt_file for a golden file of another form.
std::vector<CaseResult> verify_tokenizer_cases(const Tokenizer& tokenizer, const Json& golden);

}  // namespace medlar::text
