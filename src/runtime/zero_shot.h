#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/shape.h"
#include "text/byte_range.h"
#include "text/tokenizer.h"

namespace medlar::runtime {

/// Labels and a text as GLiNER reads them: [CLS] marker label marker label .. separator word word
/// .. [SEP], every label and every word encoded on its own.
struct ZeroShotPrompt {
  std::vector<i64> ids;
  std::vector<i64> words_mask;         ///< number of the word that begins here, from 1 on, else 0
  std::vector<text::ByteRange> words;  ///< of the text; at most "max_len" of the configuration
};

/// config is the model's (gliner_config.json). Throws unsupported for a tokenizer without the
/// tokens that the configuration names.
ZeroShotPrompt zero_shot_prompt(const text::Tokenizer& tokenizer, const Json& config,
                                std::string_view text, std::span<const std::string> labels);

/// Which of two overlapping spans may both be kept.
enum class SpanOverlap {
  none,    ///< the better one
  nested,  ///< both where one lies inside the other
};

/// Whether the same words may have several labels.
enum class SpanLabels { one, several };

struct SpanOptions {
  float threshold = 0.5f;  ///< kept are scores above it
  SpanOverlap overlap = SpanOverlap::none;
  SpanLabels labels = SpanLabels::one;
};

struct ScoredSpan {
  text::ByteRange range;  ///< of the text
  i64 label = 0;
  float score = 0.0f;
};

/// The spans that a model's "scores" [words, widths, labels] say, by decreasing score as far as
/// they do not disturb each other; in order of their begin. Of equal scores the earlier wins.
std::vector<ScoredSpan> decode_spans(std::span<const float> scores, const Shape& shape,
                                     std::span<const text::ByteRange> words,
                                     const SpanOptions& options);

}  // namespace medlar::runtime
