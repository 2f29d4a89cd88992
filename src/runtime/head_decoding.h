#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/types.h"
#include "runtime/linear_chain.h"
#include "text/tokenizer.h"

/// Token classifiers with several heads on one encoder: each head labels the tokens in a scheme of
/// its own (O, B-type, I-type) and has some columns of the logits. The heads stand in config.json:
///   "medlar_heads": [{"name": "disease", "labels": ["O", "B-disease", "I-disease"], "first": 0}]
/// A head that is a linear chain has "transitions" too: {"between": [L * L values, those after the
/// first label first], "start": [L values], "end": [L values]}.
namespace medlar::runtime {

struct TokenHead {
  std::string name;
  std::vector<std::string> labels;  ///< of columns [first, first + labels.size())
  i64 first = 0;
  /// Names of its types in the corpus that it learnt from, where they differ: {"GENE", "gene"}.
  std::map<std::string, std::string> renamed;
  std::optional<Transitions> learned = std::nullopt;  ///< of a linear chain

  i64 width() const { return ssize_of(labels); }
};

/// The heads of a configuration, empty where it names none. Throws corrupt_file for one that does
/// not fit the `columns` of the logits.
std::vector<TokenHead> token_heads(const Json& config, i64 columns);

/// As it stands in config.json.
Json to_json(const TokenHead& head);

/// 0 for what well-formed spans allow, minus infinity for the rest: I-x follows B-x and I-x only.
Transitions well_formed(std::span<const std::string> labels);

/// Tokens [begin, end) of one type.
struct LabelledSpan {
  i64 begin = 0;
  i64 end = 0;
  std::string type;

  auto operator<=>(const LabelledSpan&) const = default;
};

/// Spans of labels in the scheme O, B-type, I-type; an I-type that goes on no span of its type
/// begins one.
std::vector<LabelledSpan> spans_of_labels(std::span<const std::string> labels);

/// The tokens to label among those that a model ran.
struct HeadLogits {
  std::span<const float> values;  ///< [T, columns]
  i64 columns;
  std::vector<i64> rows;  ///< in order
  i64 first_row = 0;      ///< of the text that they are from
};

/// Spans that a head finds, counted in `rows`: the best well-formed path over log softmax of its
/// columns and, of a linear chain, its transitions.
std::vector<LabelledSpan> spans_of_head(const TokenHead& head, const HeadLogits& logits);

/// Probability of each label at each of `rows`, [rows, L]: softmax, or the chain's marginals.
std::vector<float> label_probabilities(const TokenHead& head, const HeadLogits& logits);

/// Mean over a span's tokens of the probability of their labels.
double span_probability(const TokenHead& head, std::span<const float> probabilities,
                        const LabelledSpan& span);

/// Whether a token goes on a word ("##ver") for a tokenizer that marks such.
bool continues_word(const text::Tokenizer& tokenizer, i64 id);

}  // namespace medlar::runtime
