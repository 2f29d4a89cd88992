#pragma once

#include <vector>

#include "formats/sentencepiece_model.h"
#include "text/merges.h"
#include "text/model.h"
#include "text/sentencepiece.h"
#include "text/word_cache.h"

namespace medlar::text {

/// SentencePiece's byte-pair encoding: of two neighbours whose joined text is a piece, the pair of
/// highest score is joined first, the leftmost of equal ones. Pieces are found by pairs of ids,
/// which are worked out once. Immutable, safe to share between threads.
class SentencePieceBpe {
 public:
  SentencePieceBpe(const formats::SentencePieceModel& model,
                   const SentencePieceNormalizer& normalizer);

  /// Appends the tokens of a normalised text; characters that no piece covers have the unknown id.
  void segment(std::string_view text, std::vector<Token>& tokens) const;

 private:
  void index_pieces(const formats::SentencePieceModel& model);
  void index_pairs(const formats::SentencePieceModel& model);
  std::optional<i64> symbol_id(std::string_view text) const;
  void segment_run(std::string_view text, ByteRange run, WordCache& cache,
                   std::vector<Token>& tokens) const;
  void segment_word(std::string_view text, ByteRange word, std::vector<Token>& tokens) const;
  void put(i64 id, ByteRange range, std::vector<Token>& tokens) const;

  const SentencePieceNormalizer& normalizer_;
  Vocabulary pieces_;            ///< pieces that segmentation may use
  Vocabulary other_characters_;  ///< characters of pieces that are no pieces; ids count from 0
  i64 piece_count_;
  i64 unknown_id_;
  Merges merges_;
  FlatMap parts_of_unused_;  ///< id -> left << 32 | right
  std::vector<bool> is_unused_;
  bool has_user_defined_ = false;
  bool splits_at_marks_ = false;
};

}  // namespace medlar::text
