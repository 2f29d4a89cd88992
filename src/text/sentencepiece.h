#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/sentencepiece_model.h"
#include "text/byte_range.h"
#include "text/charsmap.h"
#include "text/tokenizer.h"
#include "text/trie.h"

namespace medlar::text {

/// Which of the model's own tokens stand around a text.
struct AroundText {
  bool bos = false;
  bool eos = false;
};

/// Builds the tokenizer of a SentencePiece model: normalisation, segmentation, byte fallback,
/// offsets and decoding as the reference library does. Control symbols typed in the text are
/// recognised only under SpecialText::parse. Throws corrupt_file, unsupported (word and character
/// models), limit_exceeded.
Tokenizer tokenizer_from_sentencepiece_model(const formats::SentencePieceModel& model,
                                             AroundText around);

/// What a .model file does not say, by custom: byte-pair models (Llama, Mistral) begin with BOS,
/// unigram models without BOS (T5) end in EOS.
AroundText usual_tokens_around(const formats::SentencePieceModel& model);

/// SentencePiece's normaliser: character map, white space, dummy prefix.
class SentencePieceNormalizer {
 public:
  struct Result {
    std::string text;
    std::vector<i64>
        original;  ///< for each byte, and for the end, the byte of the input it stands at
  };

  explicit SentencePieceNormalizer(const formats::SentencePieceModel& model);

  Result normalise(std::string_view input) const;

  /// The longest user-defined piece at `at`, or 0.
  i64 user_defined_at(std::string_view text, i64 at) const;
  bool strips_first_space() const { return adds_dummy_prefix_ || removes_extra_spaces_; }
  bool removes_extra_spaces() const { return removes_extra_spaces_; }

 private:
  struct Prefix {
    std::string_view text;  ///< what the input's first bytes become
    i64 consumed;
  };
  Prefix normalised_prefix(std::string_view input) const;

  CharsMap map_;
  Trie user_defined_;
  bool adds_dummy_prefix_;
  bool removes_extra_spaces_;
  bool escapes_spaces_;
  bool space_is_suffix_;
};

}  // namespace medlar::text
