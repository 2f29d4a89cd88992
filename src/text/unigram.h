#pragma once

#include <array>
#include <vector>

#include "text/model.h"
#include "text/trie.h"

namespace medlar::text {

/// The segmentation of highest probability under a unigram language model (Kudo 2018), by one
/// forward Viterbi pass in single precision as in SentencePiece: of equal scores the first found
/// stays.
class Unigram {
 public:
  enum class Use { matched, user_defined, never };

  struct Piece {
    std::string_view text;
    float score = 0;
    Use use = Use::matched;
  };

  /// Ids are the places in the list. `unknown_id` takes characters that no piece covers, at 10
  /// below the lowest score. Throws corrupt_file for a score that is not finite.
  Unigram(const std::vector<Piece>& pieces, i64 unknown_id);

  /// Appends the best path over text[range]; unknown characters come one by one.
  void segment(std::string_view text, ByteRange range, std::vector<Token>& tokens) const;

  i64 unknown_id() const { return unknown_id_; }

 private:
  Trie trie_;
  std::vector<float> scores_;
  std::vector<bool> is_user_defined_;
  i64 unknown_id_;
  float unknown_score_ = 0;
  float max_score_ = 0;
};

/// Hugging Face's `Unigram` model: runs of unknown characters are one token, or their bytes.
class UnigramModel : public Model {
 public:
  struct Options {
    std::optional<i64> unknown_id;
    bool byte_fallback = false;
    std::vector<bool> never;  ///< ids that plain text must not reach (control tokens); may be short
  };

  UnigramModel(Vocabulary vocabulary, const std::vector<float>& scores, const Options& options);

  void encode(std::string_view text, std::span<const ByteRange> pieces,
              std::vector<Token>& tokens) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::optional<i64> unknown_id() const override { return unknown_id_; }

 private:
  void append(std::string_view text, const std::vector<Token>& path,
              std::vector<Token>& tokens) const;

  Vocabulary vocabulary_;
  Unigram unigram_;
  std::optional<i64> unknown_id_;
  std::array<i64, 256> fallback_{};
};

}  // namespace medlar::text
