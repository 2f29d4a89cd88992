#include "text/answer_spans.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

bool is_context(const Encoding& window, std::size_t token) { return window.sequences[token] == 1; }

/// Softmax over the context's tokens and the first; the others count as a logit of -10000.
std::vector<float> candidate_probabilities(const Encoding& window, std::span<const float> logits) {
  std::vector<double> values(logits.size());
  double top = -10000.0;
  for (std::size_t t = 0; t < logits.size(); ++t) {
    const bool counts = t == 0 || is_context(window, t);
    values[t] = counts ? static_cast<double>(logits[t]) : -10000.0;
    top = std::max(top, values[t]);
  }
  double total = 0.0;
  for (double& value : values) total += value = std::exp(value - top);
  std::vector<float> result;
  // Logits that are no numbers make no candidate: an order needs numbers.
  for (const double value : values)
    result.push_back(std::isfinite(value / total) ? static_cast<float>(value / total) : 0.0F);
  return result;
}

bool is_letter(u32 c) { return (character_class(c) & class_letter) != 0; }
bool is_number(u32 c) { return (character_class(c) & class_number) != 0; }

/// True where a token goes on the word of the one before it.
bool continues(const Tokenizer& tokenizer, std::string_view context, const Encoding& window,
               std::size_t token) {
  if (token == 0 || !is_context(window, token - 1)) return false;
  const ByteRange before = window.offsets[token - 1];
  const ByteRange here = window.offsets[token];
  if (before.end != here.begin || before.size() == 0 || here.size() == 0) return false;
  if (tokenizer.marks_continuation())
    return tokenizer.token_text(window.ids[token]).value_or("").starts_with("##");
  const u32 last = code_point_at(context, character_begin_before(context, before.end)).value;
  const u32 first = code_point_at(context, here.begin).value;
  return (is_letter(last) && is_letter(first)) || (is_number(last) && is_number(first));
}

ByteRange whole_words(const Tokenizer& tokenizer, std::string_view context, const Encoding& window,
                      std::size_t first, std::size_t last) {
  while (continues(tokenizer, context, window, first)) --first;
  while (last + 1 < window.ids.size() && is_context(window, last + 1) &&
         continues(tokenizer, context, window, last + 1)) {
    ++last;
  }
  ByteRange range = {window.offsets[first].begin, window.offsets[last].end};
  const auto at = [&](i64 i) { return context[static_cast<std::size_t>(i)]; };
  while (range.begin < range.end && at(range.begin) == ' ') ++range.begin;
  return range;
}

}  // namespace

std::vector<Encoding> question_windows(const Tokenizer& tokenizer, std::string_view question,
                                       std::string_view context, i64 max_length, i64 stride) {
  const Encoding whole =
      tokenizer.encode_pair(question, context, {.special_tokens = SpecialTokens::add});
  const i64 begin = std::ranges::find(whole.sequences, 1) - whole.sequences.begin();
  const i64 count = std::ranges::count(whole.sequences, 1);
  const i64 room = max_length - (ssize_of(whole.ids) - count);
  if (room <= stride || stride < 0) {
    fail(ErrorCode::invalid_argument,
         "the question leaves {} of {} tokens for the text, and windows share {}", room, max_length,
         stride);
  }
  std::vector<Encoding> windows;
  for (i64 from = 0;; from += room - stride) {
    const i64 to = std::min(from + room, count);
    Encoding window;
    for (i64 i = 0; i < ssize_of(whole.ids); ++i) {
      const bool left_out =
          i >= begin && i < begin + count && (i < begin + from || i >= begin + to);
      if (left_out) continue;
      const auto at = static_cast<std::size_t>(i);
      window.ids.push_back(whole.ids[at]);
      window.offsets.push_back(whole.offsets[at]);
      window.type_ids.push_back(whole.type_ids[at]);
      window.sequences.push_back(whole.sequences[at]);
    }
    windows.push_back(std::move(window));
    if (to == count) return windows;
  }
}

std::vector<AnswerSpan> answer_spans(const Tokenizer& tokenizer, std::string_view context,
                                     const Encoding& window, std::span<const float> start,
                                     std::span<const float> end, const AnswerOptions& options) {
  if (start.size() != window.ids.size() || end.size() != window.ids.size()) {
    fail(ErrorCode::shape_mismatch, "{} start and {} end scores for {} tokens", start.size(),
         end.size(), window.ids.size());
  }
  const std::vector<float> starts = candidate_probabilities(window, start);
  const std::vector<float> ends = candidate_probabilities(window, end);
  struct Candidate {
    std::size_t first, last;
    float score;
  };
  std::vector<Candidate> candidates;
  for (std::size_t first = 1; first < starts.size(); ++first) {
    if (!is_context(window, first)) continue;
    const std::size_t stop =
        std::min(ends.size(), first + static_cast<std::size_t>(options.max_answer_tokens));
    for (std::size_t last = first; last < stop && is_context(window, last); ++last)
      candidates.push_back({first, last, starts[first] * ends[last]});
  }
  const auto kept = std::min(candidates.size(), static_cast<std::size_t>(options.top_k));
  std::ranges::partial_sort(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                            [](const Candidate& a, const Candidate& b) {
                              return std::tie(b.score, a.first, a.last) <
                                     std::tie(a.score, b.first, b.last);
                            });
  std::vector<AnswerSpan> spans;
  for (const Candidate& one : std::span(candidates).first(kept)) {
    spans.push_back({.range = whole_words(tokenizer, context, window, one.first, one.last),
                     .score = one.score});
  }
  return spans;
}

float no_answer_score(const Encoding& window, std::span<const float> start,
                      std::span<const float> end) {
  return candidate_probabilities(window, start).front() *
         candidate_probabilities(window, end).front();
}

std::vector<AnswerSpan> best_answers(std::vector<AnswerSpan> spans, i64 top_k) {
  std::ranges::sort(spans, [](const AnswerSpan& a, const AnswerSpan& b) {
    return std::tie(b.score, a.range.begin, a.range.end) <
           std::tie(a.score, b.range.begin, b.range.end);
  });
  std::vector<AnswerSpan> best;
  for (const AnswerSpan& span : spans) {
    if (ssize_of(best) == top_k) break;
    const bool is_known = std::ranges::find(best, span.range, &AnswerSpan::range) != best.end();
    if (!is_known) best.push_back(span);
  }
  return best;
}

}  // namespace medlar::text
