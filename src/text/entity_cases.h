#pragma once

#include <vector>

#include "base/json.h"
#include "text/tokenizer_cases.h"

namespace medlar::text {

/// True for a file of token-classification cases.
bool is_entity_golden(const Json& golden);

/// Holds the aggregation of labels against a golden file of Hugging Face's token-classification
/// pipeline: each strategy of each case. Where the tokenizer under test has a case's tokens, it is
/// held to the case's ids and byte offsets too, and joins the words; else tokens are joined as the
/// kind of the case's tokens (WordPiece or byte-level) says. Throws corrupt_file for a file of
/// another form.
std::vector<CaseResult> verify_entity_cases(const Tokenizer& tokenizer, const Json& golden);

}  // namespace medlar::text
