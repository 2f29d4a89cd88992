#pragma once

#include <string>

#include "runtime/convert.h"
#include "runtime/runner.h"
#include "runtime/text_runs.h"
#include "text/tokenizer.h"

/// What a text tells of quantising a causal model: which inputs of its matrices matter, and how far
/// the quantised model's predictions are from its own.
namespace medlar::runtime {

/// The mean squares of what each matrix is multiplied by while the model reads the text in
/// causal_windows. Throws as they do.
Importance importance_of(
    Runner& runner, const text::Tokenizer& tokenizer, const std::string& text, i64 context,
    const OnProgress& progress = [](i64, i64) {});

/// The predictions P of one model and Q of another over the same text.
struct Divergence {
  i64 predicted = 0;  ///< tokens
  double mean = 0.0;  ///< of KL(P || Q) = sum p log(p / q) over the predicted tokens, nats
  double largest = 0.0;
  double same_first = 0.0;  ///< share of tokens for which both find the same one likeliest
  Perplexity before;        ///< of P
  Perplexity after;         ///< of Q
};

/// Throws shape_mismatch for models of different vocabularies, and as causal_windows.
Divergence divergence(
    Runner& before, Runner& after, const text::Tokenizer& tokenizer, const std::string& text,
    i64 context, const OnProgress& progress = [](i64, i64) {});

}  // namespace medlar::runtime
