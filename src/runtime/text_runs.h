#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/engine.h"
#include "runtime/runner.h"
#include "text/tokenizer.h"

namespace medlar::runtime {

/// Told between the steps of long work how much of it is done; throws to stop it.
using OnProgress = std::function<void(i64 done, i64 total)>;

struct ContinueOptions {
  i64 step_tokens = 512;                               ///< of the prompt that run in one step
  std::function<bool(std::string_view)> on_text = {};  ///< each new piece of text; false ends it
  std::function<void()> between = [] {};               ///< called before each step; may throw
  std::function<void(i64)> on_token = {};              ///< each new token but the one that ends it
};

/// What follows a prompt.
struct Continuation {
  std::string text;
  std::vector<i64> ids;          ///< without the token that ended the text
  Finish finish = Finish::none;  ///< none: on_text ended it
};

/// Runs one request to its end. Throws invalid_argument for a prompt without tokens, and as Engine.
Continuation continue_prompt(Runner& runner, const text::Tokenizer& tokenizer,
                             const GenerateRequest& request, const ContinueOptions& options);

struct Perplexity {
  double nll = 0.0;  ///< sum of -log p over the predicted tokens, nats
  i64 predicted = 0;

  /// exp(nll / predicted).
  double value() const;
};

/// A text as a causal model reads it to be measured: windows of at most `context` tokens without
/// overlap, each beginning with the tokenizer's own first token where it has one. Throws
/// invalid_argument for a text of fewer than two tokens.
std::vector<std::vector<i64>> causal_windows(const text::Tokenizer& tokenizer,
                                             const std::string& text, i64 context);

/// -log softmax(row)[target], in double.
double negative_log_likelihood(std::span<const float> row, i64 target);

/// Each token of a text predicted from those before it, in causal_windows. Throws as they do, and
/// unsupported for a model that predicts no tokens.
Perplexity perplexity(
    Runner& runner, const text::Tokenizer& tokenizer, const std::string& text, i64 context,
    const OnProgress& progress = [](i64, i64) {});

enum class Pooling { mean, cls };
enum class Normalise { no, yes };

struct EmbedOptions {
  Pooling pooling = Pooling::mean;  ///< over all tokens, those put around the text included
  Normalise normalise = Normalise::yes;
  i64 batch_tokens = 4096;
};

struct Embeddings {
  i64 dimensions = 0;
  i64 truncated = 0;                     ///< texts that were longer than the model's context
  std::vector<std::vector<float>> rows;  ///< one a text
};

/// Vectors of texts by an encoder. Throws unsupported for a model without hidden states as output.
Embeddings embed(
    Runner& runner, const text::Tokenizer& tokenizer, const std::vector<std::string>& texts,
    const EmbedOptions& options, const OnProgress& progress = [](i64, i64) {});

}  // namespace medlar::runtime
