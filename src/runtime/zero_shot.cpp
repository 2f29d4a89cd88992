#include "runtime/zero_shot.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "models/config.h"
#include "text/words.h"

namespace medlar::runtime {
namespace {

/// A span in words, both ends included.
struct Candidate {
  i64 first;
  i64 last;
  i64 label;
  float score;
};

i64 id_of_token(const text::Tokenizer& tokenizer, const std::string& token) {
  const std::optional<i64> id = tokenizer.id_of(token);
  if (!id) fail(ErrorCode::unsupported, "the tokenizer has no token '{}'", token);
  return *id;
}

bool may_both_stay(const Candidate& a, const Candidate& b, const SpanOptions& options) {
  if (a.first == b.first && a.last == b.last) return options.labels == SpanLabels::several;
  if (a.first > b.last || b.first > a.last) return true;
  const bool nested =
      (a.first >= b.first && a.last <= b.last) || (b.first >= a.first && b.last <= a.last);
  return options.overlap == SpanOverlap::nested && nested;
}

std::vector<Candidate> candidates_above(std::span<const float> scores, const Shape& shape,
                                        float threshold) {
  std::vector<Candidate> candidates;
  std::size_t at = 0;
  for (i64 first = 0; first < shape[0]; ++first) {
    for (i64 last = first; last < first + shape[1]; ++last) {
      for (i64 label = 0; label < shape[2]; ++label) {
        const float score = scores[at++];
        if (last < shape[0] && score > threshold) candidates.push_back({first, last, label, score});
      }
    }
  }
  return candidates;
}

}  // namespace

ZeroShotPrompt zero_shot_prompt(const text::Tokenizer& tokenizer, const Json& config,
                                std::string_view text, std::span<const std::string> labels) {
  const models::ConfigReader c(config);
  const std::vector<i64> around =
      tokenizer.encode("", {.special_tokens = text::SpecialTokens::add}).ids;
  if (around.size() != 2)
    fail(ErrorCode::unsupported, "a tokenizer that puts {} tokens around a text, expected 2",
         around.size());
  const i64 marker = c.size("class_token_index");
  ZeroShotPrompt prompt = {.ids = {around.front()}, .words_mask = {}, .words = {}};
  const auto append = [&](std::string_view unit) {
    const std::vector<i64> ids = tokenizer.encode(unit).ids;
    prompt.ids.insert(prompt.ids.end(), ids.begin(), ids.end());
    return !ids.empty();
  };
  for (const std::string& label : labels) {
    prompt.ids.push_back(marker);
    append(label);
  }
  prompt.ids.push_back(id_of_token(tokenizer, c.text_or("sep_token", "<<SEP>>")));
  prompt.words_mask.resize(prompt.ids.size(), 0);
  const i64 most_words = c.size_or("max_len", 384);
  for (const text::ByteRange& word : text::split_words(text)) {
    if (ssize_of(prompt.words) == most_words) break;
    const bool any = append(
        text.substr(static_cast<std::size_t>(word.begin), static_cast<std::size_t>(word.size())));
    if (!any) continue;
    prompt.words.push_back(word);
    prompt.words_mask.push_back(ssize_of(prompt.words));
    prompt.words_mask.resize(prompt.ids.size(), 0);
  }
  prompt.ids.push_back(around.back());
  prompt.words_mask.push_back(0);
  return prompt;
}

std::vector<ScoredSpan> decode_spans(std::span<const float> scores, const Shape& shape,
                                     std::span<const text::ByteRange> words,
                                     const SpanOptions& options) {
  if (shape.rank() != 3 || shape[0] != ssize_of(words) || shape.count() != ssize_of(scores)) {
    fail(ErrorCode::shape_mismatch, "{} scores in shape {} for {} words", scores.size(),
         shape.to_string(), words.size());
  }
  std::vector<Candidate> candidates = candidates_above(scores, shape, options.threshold);
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    return a.score != b.score
               ? a.score > b.score
               : std::tie(a.first, a.last, a.label) < std::tie(b.first, b.last, b.label);
  });
  // Spans are short: only those that begin nearby can overlap.
  std::vector<std::vector<Candidate>> kept(static_cast<std::size_t>(shape[0]));
  for (const Candidate& candidate : candidates) {
    bool stays = true;
    for (i64 first = std::max(i64{0}, candidate.first - shape[1] + 1);
         stays && first <= candidate.last; ++first) {
      stays = std::ranges::all_of(kept[static_cast<std::size_t>(first)], [&](const Candidate& k) {
        return may_both_stay(candidate, k, options);
      });
    }
    if (stays) kept[static_cast<std::size_t>(candidate.first)].push_back(candidate);
  }
  std::vector<ScoredSpan> spans;
  for (const std::vector<Candidate>& from_here : kept) {
    for (const Candidate& k : from_here) {
      spans.push_back({.range = {words[static_cast<std::size_t>(k.first)].begin,
                                 words[static_cast<std::size_t>(k.last)].end},
                       .label = k.label,
                       .score = k.score});
    }
  }
  return spans;
}

}  // namespace medlar::runtime
