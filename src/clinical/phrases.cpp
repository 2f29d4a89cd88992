#include "clinical/phrases.h"

namespace medlar::clinical {
namespace {

u64 edge(u64 node, u64 key) { return text::mix_bits(key + (node + 1) * 0x9e3779b97f4a7c15U); }

}  // namespace

void PhraseTable::add(std::string_view phrase, i64 value) {
  u64 node = 0;
  for (const Word& word : words_of(phrase)) {
    if (is_hyphen(phrase, word)) continue;
    const u64 step = edge(node, word.key);
    const u64* next = edges_.find(step);
    if (next == nullptr) {
      edges_.set(step, values_.size());
      node = values_.size();
      values_.push_back(-1);
    } else {
      node = *next;
    }
  }
  if (node != 0 && values_[node] < 0) values_[node] = value;
}

std::optional<PhraseTable::Match> PhraseTable::longest(std::string_view text,
                                                       std::span<const Word> words, i64 at) const {
  std::optional<Match> best;
  u64 node = 0;
  for (i64 i = at; i < ssize_of(words); ++i) {
    const Word& word = words[static_cast<std::size_t>(i)];
    if (i > at && is_hyphen(text, word)) continue;
    const u64* next = edges_.find(edge(node, word.key));
    if (next == nullptr) break;
    node = *next;
    if (values_[node] >= 0) best = Match{.begin = at, .end = i + 1, .value = values_[node]};
  }
  return best;
}

std::vector<PhraseTable::Match> PhraseTable::all(std::string_view text,
                                                 std::span<const Word> words) const {
  std::vector<Match> matches;
  for (i64 at = 0; at < ssize_of(words);) {
    const std::optional<Match> match = longest(text, words, at);
    if (match) matches.push_back(*match);
    at = match ? match->end : at + 1;
  }
  return matches;
}

ByteRange range_of(std::span<const Word> words, const PhraseTable::Match& match) {
  return {.begin = words[static_cast<std::size_t>(match.begin)].range.begin,
          .end = words[static_cast<std::size_t>(match.end - 1)].range.end};
}

}  // namespace medlar::clinical
