#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_range.h"
#include "text/tokenizer.h"

/// What a token classifier says of a text: labels of tokens become entities with byte ranges.
///
/// Goals: the entities, words and scores of Hugging Face's token-classification pipeline
/// (transformers, pipelines/token_classification.py) for all its strategies. Non-goals: rules of a
/// clinical kind, which belong above. Labels are read as B-TYPE and I-TYPE; any other label goes on
/// its neighbour of the same name.
namespace medlar::text {

/// How tokens are put together.
enum class Aggregation {
  none,     ///< a token, a label
  simple,   ///< neighbours of one type
  first,    ///< words, labelled by their first token
  average,  ///< words, labelled by the mean of their tokens' probabilities
  max,      ///< words, labelled by the most certain of their tokens
};

/// Throws usage for a name that is none of them.
Aggregation aggregation_named(std::string_view name);

struct Entity {
  std::string label;  ///< the token's label (none) or the type behind its first "-"
  float score = 0.0F;
  i64 index = -1;  ///< of the token in its window; -1 where tokens were put together
  std::string word;
  ByteRange range;
};

/// A token of the text with what the classifier gives for it.
struct ScoredToken {
  std::string text;  ///< as the vocabulary has it
  ByteRange range;
  i64 index = 0;
  bool is_unknown = false;
  std::vector<float> probabilities;  ///< [L]
};

/// How a tokenizer's tokens make words and texts.
struct WordForm {
  bool marks_continuation = false;  ///< tokens that go on a word carry a mark ("##ver")
  std::function<std::string(std::vector<std::string>)> join;
};

/// The tokenizer must outlive what is returned.
WordForm word_form_of(const Tokenizer& tokenizer);

struct EntityOptions {
  Aggregation aggregation = Aggregation::simple;
  std::vector<std::string> labels;           ///< by class
  std::vector<std::string> ignored = {"O"};  ///< labels (none) or types (others) to leave out
};

/// Softmax in single precision, as the reference has it.
std::vector<float> softmax(std::span<const float> logits);

/// The tokens of one window in order, without those put around the text. `logits` [T, L] in rows of
/// the encoding. Throws shape_mismatch where rows or labels do not fit.
std::vector<ScoredToken> scored_tokens(const Tokenizer& tokenizer, const Encoding& encoding,
                                       std::span<const float> logits, i64 labels);

/// The entities of one window.
std::vector<Entity> entities_of(std::string_view text, std::span<const ScoredToken> tokens,
                                const EntityOptions& options, const WordForm& form);

/// The entities of overlapping windows as one list, by their begin: of those that overlap the one
/// with more characters, then the higher score. Entities without characters overlap nothing, and
/// one that comes first comes out twice, as in the reference: callers leave them out before.
std::vector<Entity> merge_windows(std::string_view text, std::vector<Entity> entities);

}  // namespace medlar::text
