#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clinical/terminology.h"

namespace medlar::clinical {

/// A concept that a mention may mean.
struct Candidate {
  const Concept* meaning = nullptr;  ///< lives as long as the linker
  float score = 0.0F;                ///< in [0, 1]; 1: the same words
  std::string name;                  ///< the name that came nearest
  std::string how;                   ///< "exact", "same words", "similar", "embedding"
};

/// Vectors of length 1 for texts, of an encoder.
using EmbedTexts = std::function<std::vector<std::vector<float>>(const std::vector<std::string>&)>;

struct LinkOptions {
  i64 candidates = 5;
  /// Below this a mention means nothing that the terminology has (NIL).
  float threshold = 0.7F;
  /// Where given, orders what is not exact: the score becomes the mean of spelling and cosine.
  EmbedTexts embed = {};
};

struct Link {
  std::vector<Candidate> candidates;  ///< best first
  bool is_nil = true;                 ///< none reaches the threshold

  const Candidate* best() const { return is_nil ? nullptr : &candidates.front(); }
};

/// Names of a terminology, found again in spite of plurals, order of words and small differences of
/// spelling: first the same words in the same order, then in any order without those that say
/// nothing ("of", "the"), then by shared groups of three letters (Dice's coefficient) through an
/// inverted index. Immutable, so safe to share between threads; owns the terminology.
class Linker {
 public:
  explicit Linker(Terminology terminology);
  ~Linker() = default;
  Linker(const Linker&) = delete;
  Linker& operator=(const Linker&) = delete;

  const Terminology& terminology() const { return terminology_; }

  /// Mentions above 200 bytes are compared by their first 200.
  Link link(std::string_view mention, const LinkOptions& options = {}) const;

 private:
  struct Name {
    i64 meaning = 0;
    std::string text;
    i64 grams = 0;
  };

  void add(i64 meaning, std::string_view name);
  std::vector<Candidate> same_names(std::string_view mention) const;
  std::vector<Candidate> similar_names(std::string_view mention) const;
  void rerank(std::string_view mention, const EmbedTexts& embed,
              std::vector<Candidate>& candidates) const;
  Candidate candidate(i64 name, float score, const char* how) const;

  Terminology terminology_;
  std::vector<Name> names_;
  std::unordered_map<std::string, std::vector<i64>> by_text_;   ///< normal text: names
  std::unordered_map<std::string, std::vector<i64>> by_words_;  ///< sorted words: names
  std::unordered_map<u32, std::vector<i64>> by_gram_;           ///< three letters: names
};

}  // namespace medlar::clinical
