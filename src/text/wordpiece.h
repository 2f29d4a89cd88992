#pragma once

#include <string>

#include "text/model.h"
#include "text/trie.h"

namespace medlar::text {

/// Greedy longest-match-first segmentation of words (BERT; Wu et al. 2016, section 4.1).
class WordPiece : public Model {
 public:
  struct Options {
    std::string unknown = "[UNK]";
    std::string prefix = "##";      ///< marks the pieces that continue a word
    i64 max_word_characters = 100;  ///< a longer word is unknown
  };

  /// Throws corrupt_file where the unknown token is not in the vocabulary.
  WordPiece(Vocabulary vocabulary, const Options& options);

  void encode(std::string_view text, std::span<const ByteRange> pieces,
              std::vector<Token>& tokens) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::optional<i64> unknown_id() const override { return unknown_id_; }
  bool marks_continuation() const override { return marks_continuation_; }

 private:
  void encode_word(std::string_view text, ByteRange word, std::vector<Token>& tokens) const;

  Vocabulary vocabulary_;
  Trie first_;
  Trie rest_;  ///< without the prefix
  i64 unknown_id_;
  i64 max_word_characters_;
  bool marks_continuation_;
};

/// One id a word (Hugging Face's `WordLevel`).
class WordLevel : public Model {
 public:
  WordLevel(Vocabulary vocabulary, const std::string& unknown);

  void encode(std::string_view text, std::span<const ByteRange> pieces,
              std::vector<Token>& tokens) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::optional<i64> unknown_id() const override { return unknown_id_; }

 private:
  Vocabulary vocabulary_;
  std::optional<i64> unknown_id_;
};

}  // namespace medlar::text
