#pragma once

#include <string>
#include <vector>

#include "clinical/document.h"
#include "clinical/span.h"
#include "runtime/encoder_runs.h"

namespace medlar::clinical {

/// What a token classifier finds in a note, by overlapping windows. Labels in small letters, words
/// whole. Throws unsupported for a model that labels no tokens.
std::vector<Span> model_spans(
    runtime::Runner& runner, const text::Tokenizer& tokenizer, const Document& note,
    const std::string& producer, const runtime::OnProgress& progress = [](i64, i64) {});

/// What a model found without what is no finding of a note: what it is unsure of, names, places and
/// numbers that say who somebody is (as de-identification sees them), and words for people.
std::vector<Span> plausible(const Document& note, std::vector<Span> found);

}  // namespace medlar::clinical
