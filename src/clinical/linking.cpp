#include "clinical/linking.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <unordered_set>

#include "clinical/data_files.h"
#include "clinical/words.h"

namespace medlar::clinical {
namespace {

constexpr i64 longest_mention_bytes = 200;
constexpr i64 looked_up_grams = 12;  ///< of a mention, the rarest: the rest adds names, not finds
constexpr i64 reranked = 20;
constexpr float same_words_score = 0.95F;

/// Words that tell no two diseases apart.
constexpr std::array<std::string_view, 11> empty_words = {"of",   "the", "a", "an", "to", "in",
                                                          "with", "and", ",", "(",  ")"};

std::string shortened(std::string_view text) {
  i64 end = std::min(ssize_of(text), longest_mention_bytes);
  while (end > 0 && end < ssize_of(text) &&
         (static_cast<u8>(text[static_cast<std::size_t>(end)]) & 0xC0U) == 0x80U)
    --end;
  return std::string(text.substr(0, static_cast<std::size_t>(end)));
}

/// The words of a normal text in the order of the alphabet.
std::string sorted_words(const std::string& normal) {
  std::vector<std::string_view> words = split_trimmed(normal, ' ');
  std::erase_if(words, [](std::string_view word) {
    return std::find(empty_words.begin(), empty_words.end(), word) != empty_words.end();
  });
  std::sort(words.begin(), words.end());
  std::string joined;
  for (const std::string_view word : words)
    joined += (joined.empty() ? "" : " ") + std::string(word);
  return joined;
}

/// Groups of three bytes of a normal text with a blank at both ends, each once, sorted.
std::vector<u32> grams_of(const std::string& normal) {
  const std::string padded = " " + normal + " ";
  std::vector<u32> grams;
  for (std::size_t i = 0; i + 2 < padded.size(); ++i) {
    grams.push_back(static_cast<u32>(static_cast<u8>(padded[i])) << 16U |
                    static_cast<u32>(static_cast<u8>(padded[i + 1])) << 8U |
                    static_cast<u32>(static_cast<u8>(padded[i + 2])));
  }
  std::sort(grams.begin(), grams.end());
  grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
  return grams;
}

i64 shared_count(const std::vector<u32>& a, const std::vector<u32>& b) {
  i64 shared = 0;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) {
      ++shared;
      ++i;
      ++j;
    } else if (*i < *j) {
      ++i;
    } else {
      ++j;
    }
  }
  return shared;
}

bool is_better(const Candidate& a, const Candidate& b) {
  if (a.score != b.score) return a.score > b.score;
  return std::tie(a.meaning->code, a.name) < std::tie(b.meaning->code, b.name);
}

/// Best first, each concept once.
void order(std::vector<Candidate>& candidates) {
  std::sort(candidates.begin(), candidates.end(), is_better);
  std::unordered_set<const Concept*> known;
  std::erase_if(candidates,
                [&](const Candidate& one) { return !known.insert(one.meaning).second; });
}

}  // namespace

Linker::Linker(Terminology terminology) : terminology_(std::move(terminology)) {
  for (i64 i = 0; i < ssize_of(terminology_.concepts); ++i) {
    const Concept& one = terminology_.concepts[static_cast<std::size_t>(i)];
    add(i, one.name);
    for (const std::string& synonym : one.synonyms) add(i, synonym);
  }
}

void Linker::add(i64 meaning, std::string_view name) {
  if (name.starts_with('=')) name.remove_prefix(1);
  const std::string normal = normal_text(shortened(name));
  if (normal.empty()) return;
  const i64 place = ssize_of(names_);
  const std::vector<u32> grams = grams_of(normal);
  by_text_[normal].push_back(place);
  by_words_[sorted_words(normal)].push_back(place);
  for (const u32 gram : grams) by_gram_[gram].push_back(place);
  names_.push_back({.meaning = meaning, .text = std::string(name), .grams = ssize_of(grams)});
}

Candidate Linker::candidate(i64 name, float score, const char* how) const {
  const Name& one = names_[static_cast<std::size_t>(name)];
  return {.meaning = &terminology_.concepts[static_cast<std::size_t>(one.meaning)],
          .score = score,
          .name = one.text,
          .how = how};
}

std::vector<Candidate> Linker::same_names(std::string_view mention) const {
  const std::string normal = normal_text(mention);
  std::vector<Candidate> candidates;
  const auto exact = by_text_.find(normal);
  if (exact != by_text_.end()) {
    for (const i64 name : exact->second) {
      // Of one spelling the concept whose own name it is comes first.
      const Candidate found = candidate(name, 1.0F, "exact");
      const bool is_own = normal_text(found.meaning->name) == normal;
      candidates.push_back(candidate(name, is_own ? 1.0F : 0.99F, "exact"));
    }
    return candidates;
  }
  const auto same = by_words_.find(sorted_words(normal));
  if (same != by_words_.end() && !same->first.empty()) {
    for (const i64 name : same->second)
      candidates.push_back(candidate(name, same_words_score, "same words"));
  }
  return candidates;
}

std::vector<Candidate> Linker::similar_names(std::string_view mention) const {
  const std::string normal = normal_text(mention);
  const std::vector<u32> grams = grams_of(normal);
  std::vector<const std::vector<i64>*> lists;
  for (const u32 gram : grams) {
    const auto found = by_gram_.find(gram);
    if (found != by_gram_.end()) lists.push_back(&found->second);
  }
  std::sort(lists.begin(), lists.end(),
            [](const auto* a, const auto* b) { return a->size() < b->size(); });
  if (ssize_of(lists) > looked_up_grams) lists.resize(looked_up_grams);
  std::unordered_map<i64, i64> hits;
  for (const std::vector<i64>* list : lists) {
    for (const i64 name : *list) ++hits[name];
  }
  std::vector<Candidate> candidates;
  for (const auto& [name, count] : hits) {
    // At least a third of what was looked up: less cannot reach a score that counts.
    if (3 * count < ssize_of(lists)) continue;
    const Name& one = names_[static_cast<std::size_t>(name)];
    const i64 shared = shared_count(grams, grams_of(normal_text(shortened(one.text))));
    const float dice =
        2.0F * static_cast<float>(shared) / static_cast<float>(ssize_of(grams) + one.grams);
    candidates.push_back(candidate(name, 0.94F * dice, "similar"));
  }
  return candidates;
}

void Linker::rerank(std::string_view mention, const EmbedTexts& embed,
                    std::vector<Candidate>& candidates) const {
  if (ssize_of(candidates) > reranked) candidates.resize(reranked);
  std::vector<std::string> texts = {std::string(mention)};
  for (const Candidate& one : candidates) texts.push_back(one.name);
  const std::vector<std::vector<float>> vectors = embed(texts);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].how == "exact") continue;
    const float cosine =
        std::inner_product(vectors[0].begin(), vectors[0].end(), vectors[i + 1].begin(), 0.0F);
    candidates[i].score = 0.5F * (candidates[i].score + std::clamp(cosine, 0.0F, 1.0F));
    candidates[i].how = "embedding";
  }
  std::sort(candidates.begin(), candidates.end(), is_better);
}

Link Linker::link(std::string_view mention, const LinkOptions& options) const {
  const std::string text = shortened(mention);
  Link link;
  link.candidates = same_names(text);
  if (link.candidates.empty()) link.candidates = similar_names(text);
  order(link.candidates);
  if (options.embed && !link.candidates.empty()) rerank(text, options.embed, link.candidates);
  if (ssize_of(link.candidates) > options.candidates)
    link.candidates.resize(static_cast<std::size_t>(options.candidates));
  link.is_nil = link.candidates.empty() || link.candidates.front().score < options.threshold;
  return link;
}

}  // namespace medlar::clinical
