#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer_cases.h"

namespace medlar::text {

/// The tokenizer that a case names; null where there is none to try.
using TokenizerByName = std::function<const Tokenizer*(const std::string& name)>;

/// True for a file of token-classification cases.
bool is_entity_golden(const Json& golden);

/// Holds the aggregation of labels against a golden file of Hugging Face's token-classification
/// pipeline: each strategy of each case. A tokenizer that has a case's tokens is held to the case's
/// ids and byte offsets too, and joins the words; without one, tokens are joined as their kind
/// (WordPiece or byte-level) says. Throws corrupt_file for a file of another form.
std::vector<CaseResult> verify_entity_cases(const TokenizerByName& tokenizer_named,
                                            const Json& golden);

}  // namespace medlar::text
