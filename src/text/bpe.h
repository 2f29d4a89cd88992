#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/merges.h"
#include "text/model.h"
#include "text/pretokenizer.h"
#include "text/word_cache.h"

namespace medlar::text {

/// Byte-pair encoding as Hugging Face's `BPE` model and tiktoken define it.
class Bpe : public Model {
 public:
  enum class WholeWords {
    merged,
    looked_up_first
  };  ///< `ignore_merges`: a word of the vocabulary is taken whole
  enum class UnknownRuns { apart, fused };

  struct Options {
    ByteAlphabet alphabet =
        ByteAlphabet::printable;  ///< raw: words are bytes, tokens are printable characters
    WholeWords whole_words = WholeWords::merged;
    UnknownRuns unknown_runs = UnknownRuns::apart;
    bool byte_fallback = false;
    std::optional<std::string> unknown;
    std::string prefix;  ///< put before every symbol but a word's first
    std::string suffix;  ///< put after a word's last symbol
  };

  /// `merges` pairs of token strings, lowest rank first. Throws corrupt_file for a pair whose parts
  /// or whole the vocabulary lacks.
  Bpe(Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& merges,
      Options options);

  /// Ranks instead of merges: of two neighbours, the pair whose joined bytes have the lowest id is
  /// merged first. `vocabulary` in the printable alphabet.
  static Bpe from_ranks(Vocabulary vocabulary);

  void encode(std::string_view text, std::span<const ByteRange> pieces,
              std::vector<Token>& tokens) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::optional<i64> unknown_id() const override { return unknown_id_; }
  bool marks_continuation() const override { return !options_.prefix.empty(); }

 private:
  Bpe(Vocabulary vocabulary, Options options);

  void add_merge(std::string_view left, std::string_view right, i64 rank);
  void fill_byte_tables();
  void encode_piece(std::string_view text, ByteRange piece, WordCache& cache,
                    std::vector<Token>& tokens) const;
  void encode_word(std::string_view text, ByteRange word, std::vector<Symbol>& symbols) const;
  void symbols_of_bytes(std::string_view text, ByteRange word, std::vector<Symbol>& symbols) const;
  void symbols_of_characters(std::string_view text, ByteRange word,
                             std::vector<Symbol>& symbols) const;
  std::optional<i64> whole_word(std::string_view word) const;

  /// Ids of a byte's symbol by its place: [not first][last].
  using PlacedBytes = std::array<std::array<std::array<i64, 256>, 2>, 2>;

  Vocabulary vocabulary_;
  Vocabulary raw_words_;  ///< tokens as raw bytes, for whole-word look-up
  Options options_;
  Merges merges_;
  std::optional<i64> unknown_id_;
  PlacedBytes placed_bytes_{};
  std::array<i64, 256> fallback_{};  ///< ids of <0x00> to <0xFF>, or -1
  bool splits_at_marks_ =
      false;  ///< no token holds U+2581 after another character: words are apart
};

/// The ids of the tokens <0x00> to <0xFF>, -1 where absent.
std::array<i64, 256> byte_fallback_ids(const Vocabulary& vocabulary);

/// True if U+2581 only ever begins a token (or follows itself), so that no merge crosses into it.
bool marks_only_begin(const Vocabulary& vocabulary);

/// End of the word that begins at `begin`: before the next U+2581 that follows another character.
i64 marked_word_end(std::string_view text, i64 begin, i64 end);

}  // namespace medlar::text
