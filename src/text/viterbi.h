#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

/// The best path through labels of the kind B, I, E, S (begin, inside, end, single) and O, in which
/// only well-formed spans exist: openai/privacy-filter's decoding.
namespace medlar::text {

/// Added to the score of a transition that is allowed: the dial between recall and precision.
struct TransitionBiases {
  double background_stay = 0.0;      ///< O to O
  double background_to_start = 0.0;  ///< O to B, S
  double inside_to_continue = 0.0;   ///< B, I to I
  double inside_to_end = 0.0;        ///< B, I to E
  double end_to_background = 0.0;    ///< E, S to O
  double end_to_start = 0.0;         ///< E, S to B, S
};

/// Reads viterbi_calibration.json: operating_points.<point>.biases. Throws invalid_argument for a
/// point that is not there, corrupt_file for a value that is no finite number.
TransitionBiases transition_biases_from_json(const Json& calibration,
                                             const std::string& point = "default");

/// Classes as tags of types. Immutable.
class SpanLabels {
 public:
  enum class Tag { outside, begin, inside, end, single };

  struct Class {
    Tag tag = Tag::outside;
    i64 type = 0;  ///< 1, 2, ... in order of first appearance; 0 for O
  };

  /// A label without one of the prefixes B-, I-, E-, S- that is not O counts as begin.
  explicit SpanLabels(std::span<const std::string> labels);

  const std::vector<Class>& classes() const { return classes_; }
  /// Names by type; the first is empty.
  const std::vector<std::string>& types() const { return types_; }
  /// True where labels with B-, I-, E- and S- are all there.
  bool is_bioes() const;

 private:
  std::vector<Class> classes_;
  std::vector<std::string> types_ = {""};
};

/// The classes of the best path. `log_probabilities` [T, L]. A path begins with O, B or S, ends
/// with O, E or S. Of equal paths the lowest previous class wins, then the lowest last one. Labels
/// that allow no path give the one that breaks the fewest rules; scores that are not finite, each
/// token's best class. Throws shape_mismatch.
std::vector<i64> viterbi_path(std::span<const float> log_probabilities, const SpanLabels& labels,
                              const TransitionBiases& biases = {});

/// log softmax of each row of `logits` [T, width].
std::vector<float> log_softmax_rows(std::span<const float> logits, i64 width);

struct TokenSpan {
  i64 type = 0;
  i64 begin = 0;  ///< tokens [begin, end)
  i64 end = 0;

  bool operator==(const TokenSpan&) const = default;
};

/// Spans of a path; one that breaks the rules still gives spans: B and S begin one, E and S end
/// one, a change of type begins one.
std::vector<TokenSpan> spans_of(std::span<const i64> path, const SpanLabels& labels);

/// Mean of the probabilities that softmax gives the path's classes within a span. `logits` [T,
/// width].
double span_score(std::span<const float> logits, std::span<const i64> path, const TokenSpan& span,
                  i64 width);

}  // namespace medlar::text
