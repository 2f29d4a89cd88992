#include "text/entities.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

/// A token or a word with the label that won.
struct Labelled {
  std::string label;
  float score = 0.0F;
  i64 index = -1;
  std::string word;
  ByteRange range;
};

i64 characters(std::string_view text) {
  i64 count = 0;
  for (i64 at = 0; at < ssize_of(text); at += code_point_at(text, at).bytes) ++count;
  return count;
}

std::string_view part(std::string_view text, ByteRange range) {
  return text.substr(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size()));
}

/// The first of the highest.
i64 argmax(std::span<const float> values) {
  return std::ranges::max_element(values) - values.begin();
}

float highest(const ScoredToken& token) { return *std::ranges::max_element(token.probabilities); }

/// Where tokens are not marked, a word goes on where no space stands before or at the token's
/// begin.
bool continues_word(std::string_view text, const ScoredToken& token, const WordForm& form) {
  if (token.is_unknown) return false;
  if (form.marks_continuation) return characters(token.text) != characters(part(text, token.range));
  const i64 begin = token.range.begin;
  if (begin == 0) return false;
  return part(text, {begin - 1, std::min(begin + 1, ssize_of(text))}).find(' ') ==
         std::string_view::npos;
}

std::string shown(std::string_view text, const ScoredToken& token) {
  return token.is_unknown ? std::string(part(text, token.range)) : token.text;
}

std::vector<float> mean_probabilities(std::span<const ScoredToken> word) {
  std::vector<float> mean(word.front().probabilities.size(), 0.0F);
  for (const ScoredToken& token : word) {
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += token.probabilities[k];
  }
  for (float& value : mean) value /= static_cast<float>(word.size());
  return mean;
}

/// The probabilities that speak for a word.
std::vector<float> word_probabilities(std::span<const ScoredToken> word, Aggregation aggregation) {
  if (aggregation == Aggregation::average) return mean_probabilities(word);
  if (aggregation == Aggregation::first) return word.front().probabilities;
  return std::ranges::max_element(word, std::less<>(), highest)->probabilities;
}

Labelled labelled(std::span<const float> probabilities, const EntityOptions& options) {
  const auto best = static_cast<std::size_t>(argmax(probabilities));
  return {.label = options.labels[best],
          .score = probabilities[best],
          .index = -1,
          .word = {},
          .range = {}};
}

std::vector<Labelled> label_tokens(std::string_view text, std::span<const ScoredToken> tokens,
                                   const EntityOptions& options) {
  std::vector<Labelled> result;
  for (const ScoredToken& token : tokens) {
    result.push_back(labelled(token.probabilities, options));
    result.back().index = token.index;
    result.back().word = shown(text, token);
    result.back().range = token.range;
  }
  return result;
}

std::vector<Labelled> label_words(std::string_view text, std::span<const ScoredToken> tokens,
                                  const EntityOptions& options, const WordForm& form) {
  std::vector<Labelled> result;
  for (std::size_t begin = 0; begin < tokens.size();) {
    std::size_t end = begin + 1;
    while (end < tokens.size() && continues_word(text, tokens[end], form)) ++end;
    const std::span<const ScoredToken> word = tokens.subspan(begin, end - begin);
    result.push_back(labelled(word_probabilities(word, options.aggregation), options));
    std::vector<std::string> pieces;
    for (const ScoredToken& token : word) pieces.push_back(shown(text, token));
    result.back().word = form.join(std::move(pieces));
    result.back().range = {word.front().range.begin, word.back().range.end};
    begin = end;
  }
  return result;
}

/// What makes neighbours alike: the label without B- or I-, other labels whole.
std::string_view tag_of(std::string_view label) {
  return label.starts_with("B-") || label.starts_with("I-") ? label.substr(2) : label;
}

/// The type in the result: what follows the first "-", else the label.
std::string_view type_of(std::string_view label) {
  const std::size_t dash = label.find('-');
  return dash == std::string_view::npos ? label : label.substr(dash + 1);
}

Entity group(std::span<const Labelled> parts, const WordForm& form) {
  float total = 0.0F;
  std::vector<std::string> words;
  for (const Labelled& one : parts) {
    total += one.score;
    words.push_back(one.word);
  }
  return {.label = std::string(type_of(parts.front().label)),
          .score = total / static_cast<float>(parts.size()),
          .index = -1,
          .word = form.join(std::move(words)),
          .range = {parts.front().range.begin, parts.back().range.end}};
}

std::vector<Entity> group_neighbours(std::span<const Labelled> parts, const WordForm& form) {
  std::vector<Entity> result;
  for (std::size_t begin = 0; begin < parts.size();) {
    std::size_t end = begin + 1;
    while (end < parts.size() && tag_of(parts[end].label) == tag_of(parts[end - 1].label) &&
           !parts[end].label.starts_with("B-")) {
      ++end;
    }
    result.push_back(group(parts.subspan(begin, end - begin), form));
    begin = end;
  }
  return result;
}

}  // namespace

Aggregation aggregation_named(std::string_view name) {
  if (name == "none") return Aggregation::none;
  if (name == "simple") return Aggregation::simple;
  if (name == "first") return Aggregation::first;
  if (name == "average") return Aggregation::average;
  if (name == "max") return Aggregation::max;
  fail(ErrorCode::usage, "an aggregation is one of none, simple, first, average, max");
}

WordForm word_form_of(const Tokenizer& tokenizer) {
  return {.marks_continuation = tokenizer.marks_continuation(),
          .join = [&tokenizer](std::vector<std::string> tokens) {
            return tokenizer.join(std::move(tokens));
          }};
}

std::vector<float> softmax(std::span<const float> logits) {
  std::vector<float> result(logits.size());
  if (logits.empty()) return result;
  const float top = *std::ranges::max_element(logits);
  float total = 0.0F;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    result[k] = std::exp(logits[k] - top);
    total += result[k];
  }
  for (float& value : result) value /= total;
  return result;
}

std::vector<ScoredToken> scored_tokens(const Tokenizer& tokenizer, const Encoding& encoding,
                                       std::span<const float> logits, i64 labels) {
  if (labels < 1 || ssize_of(logits) != ssize_of(encoding.ids) * labels) {
    fail(ErrorCode::shape_mismatch, "{} scores for {} tokens of {} labels each", logits.size(),
         encoding.ids.size(), labels);
  }
  std::vector<ScoredToken> tokens;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    if (encoding.sequences[i] < 0) continue;
    const i64 id = encoding.ids[i];
    const auto row = static_cast<std::size_t>(labels);
    tokens.push_back({.text = std::string(tokenizer.token_text(id).value_or("")),
                      .range = encoding.offsets[i],
                      .index = static_cast<i64>(i),
                      .is_unknown = tokenizer.special_ids().unk == id,
                      .probabilities = softmax(logits.subspan(i * row, row))});
  }
  return tokens;
}

std::vector<Entity> entities_of(std::string_view text, std::span<const ScoredToken> tokens,
                                const EntityOptions& options, const WordForm& form) {
  for (const ScoredToken& token : tokens) {
    if (token.probabilities.size() != options.labels.size() || token.probabilities.empty()) {
      fail(ErrorCode::shape_mismatch, "{} scores for a token where the model has {} labels",
           token.probabilities.size(), options.labels.size());
    }
  }
  const bool by_token =
      options.aggregation == Aggregation::none || options.aggregation == Aggregation::simple;
  std::vector<Labelled> parts =
      by_token ? label_tokens(text, tokens, options) : label_words(text, tokens, options, form);
  std::vector<Entity> entities;
  if (options.aggregation == Aggregation::none) {
    for (Labelled& one : parts)
      entities.push_back({one.label, one.score, one.index, std::move(one.word), one.range});
  } else {
    entities = group_neighbours(parts, form);
  }
  std::erase_if(entities, [&](const Entity& entity) {
    return std::ranges::find(options.ignored, entity.label) != options.ignored.end();
  });
  return entities;
}

std::vector<Entity> merge_windows(std::string_view text, std::vector<Entity> entities) {
  if (entities.empty()) return entities;
  // In order of their begin; those that begin alike stay in order of their windows.
  std::vector<std::size_t> order(entities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, std::less<>(),
                    [&](std::size_t i) { return std::pair(entities[i].range.begin, i); });
  std::vector<Entity> merged;
  Entity kept = std::move(entities[order.front()]);
  if (kept.range.size() == 0) merged.push_back(kept);
  for (std::size_t place = 1; place < order.size(); ++place) {
    Entity& next = entities[order[place]];
    if (next.range.begin >= kept.range.end) {
      merged.push_back(std::exchange(kept, std::move(next)));
      continue;
    }
    const i64 size = characters(part(text, next.range));
    const i64 kept_size = characters(part(text, kept.range));
    const bool wins = size > kept_size || (size == kept_size && next.score > kept.score);
    if (wins) kept = std::move(next);
  }
  merged.push_back(std::move(kept));
  return merged;
}

}  // namespace medlar::text
