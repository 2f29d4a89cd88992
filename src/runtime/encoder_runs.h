#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/runner.h"
#include "runtime/text_runs.h"
#include "text/answer_spans.h"
#include "text/entities.h"
#include "text/viterbi.h"

/// What encoders with a task head say of texts, however long: windows that overlap are run in
/// batches and put together again.
namespace medlar::runtime {

/// How labels of tokens become entities.
enum class SpanDecoding {
  aggregation,  ///< as Hugging Face's pipeline does
  viterbi,      ///< the best well-formed path, for labels of the kind B, I, E, S
};

struct EntityRequest {
  SpanDecoding decoding = SpanDecoding::aggregation;
  text::Aggregation aggregation = text::Aggregation::simple;
  std::vector<std::string> ignored = {"O"};
  text::TransitionBiases biases = {};  ///< of viterbi
  i64 window = 0;   ///< tokens; 0: as the model learnt ("medlar_window" of its configuration), else
                    ///< its context, at most 512
  i64 stride = -1;  ///< tokens that windows share; -1: a quarter of the window
};

/// Entities of a text by their begin. Of a model with several heads (head_decoding.h) those of all
/// heads, each by its best well-formed path over words labelled by their first token, whatever the
/// request says of decoding. Throws unsupported for a model that labels no tokens, and for
/// viterbi where its labels are of another kind.
std::vector<text::Entity> find_entities(
    Runner& runner, const text::Tokenizer& tokenizer, const std::string& text,
    const EntityRequest& request, const OnProgress& progress = [](i64, i64) {});

struct LabelScore {
  std::string label;
  float score = 0.0F;
};

struct Classification {
  std::vector<LabelScore> scores;  ///< highest first
  bool truncated = false;          ///< the text was longer than the model's context
};

/// Probabilities of a text's labels: softmax, or a sigmoid each where the configuration says that
/// several may hold (or there is but one); plain values for a regression. Throws unsupported for a
/// model that labels no texts.
Classification classify(Runner& runner, const text::Tokenizer& tokenizer, const std::string& text);

struct QuestionRequest {
  std::string question;
  std::string context;
  text::AnswerOptions answers;
  i64 window = 384;  ///< tokens, the question's among them; at most the model's context
  i64 stride = 128;  ///< at most half of the window
};

struct Answers {
  std::vector<text::AnswerSpan> spans;  ///< best first
  float no_answer = 0.0F;               ///< the least that any window says for no answer
};

/// Where in a text the answer stands. Throws unsupported for a model without such a head.
Answers answer_question(
    Runner& runner, const text::Tokenizer& tokenizer, const QuestionRequest& request,
    const OnProgress& progress = [](i64, i64) {});

struct MaskFill {
  i64 id = 0;
  float score = 0.0F;
};

/// The likeliest tokens at each mask of a text, in which the tokenizer's mask token is written.
/// Throws unsupported for a model that fills no masks, invalid_argument for a text without one,
/// limit_exceeded for a text longer than the model's context.
std::vector<std::vector<MaskFill>> fill_masks(Runner& runner, const text::Tokenizer& tokenizer,
                                              const text::Encoding& text, i64 top_k);

}  // namespace medlar::runtime
