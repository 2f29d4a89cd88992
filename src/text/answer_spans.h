#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

/// Extractive question answering: where in a text the answer stands. Goals: the spans and scores of
/// Hugging Face's question-answering pipeline (transformers 4, pipelines/question_answering.py).
namespace medlar::text {

struct AnswerSpan {
  ByteRange range;  ///< of the context; widened to whole words
  float score = 0.0F;
};

struct AnswerOptions {
  i64 top_k = 1;
  i64 max_answer_tokens = 15;
};

/// Windows of question and context: the question whole in each, the context cut into overlapping
/// parts of at most `max_length` tokens with everything around, neighbours sharing `stride` tokens.
/// Offsets are into the text that `sequences` names. Throws invalid_argument for a question that
/// leaves no room.
std::vector<Encoding> question_windows(const Tokenizer& tokenizer, std::string_view question,
                                       std::string_view context, i64 max_length, i64 stride);

/// The best spans of one window. `start` and `end` [T] are logits. A span's score is the product of
/// the softmax of its ends over the context's tokens and the first (which stands for no answer and
/// is never part of one).
std::vector<AnswerSpan> answer_spans(const Tokenizer& tokenizer, std::string_view context,
                                     const Encoding& window, std::span<const float> start,
                                     std::span<const float> end, const AnswerOptions& options);

/// The product of the first token's softmax values: how much speaks for no answer in this window.
float no_answer_score(const Encoding& window, std::span<const float> start,
                      std::span<const float> end);

/// The best of several windows; a span that two windows found counts once, with the higher score.
std::vector<AnswerSpan> best_answers(std::vector<AnswerSpan> spans, i64 top_k);

}  // namespace medlar::text
