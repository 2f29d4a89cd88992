#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "text/added_tokens.h"
#include "text/byte_range.h"

/// Text to token ids and back, exactly as the published tokenizers do. Goals: the ids and byte
/// offsets of the reference libraries on every text, safety against hostile files and texts,
/// megabytes a second. Non-goals: training vocabularies, padding (a matter of batches).
namespace medlar::text {

/// Whether the model's own tokens (BOS, CLS, SEP, EOS) are put around the text.
enum class SpecialTokens { none, add };

/// Whether decoding shows tokens marked special.
enum class SpecialsInText { keep, skip };

struct EncodeOptions {
  SpecialTokens special_tokens = SpecialTokens::none;
  SpecialText special_text = SpecialText::plain;
};

/// Tokens of a text (or a pair), one entry a token in each list.
struct Encoding {
  std::vector<i64> ids;
  std::vector<ByteRange>
      offsets;                 ///< bytes of the text it came from; {0, 0} for tokens put around it
  std::vector<i64> type_ids;   ///< segment ids of BERT
  std::vector<i64> sequences;  ///< 0: first text, 1: second text, -1: put around them
};

/// Which tokens have a role, where the tokenizer has them.
struct SpecialIds {
  std::optional<i64> bos, eos, unk, pad, cls, sep, mask;
};

struct TokenizerParts;

/// Immutable after construction; all functions may be called from many threads at once. Views live
/// as long as the object. Texts must be UTF-8: other bytes throw invalid_argument naming the
/// offset.
class Tokenizer {
 public:
  explicit Tokenizer(TokenizerParts parts);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  ~Tokenizer();

  /// Offsets are into `text`.
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;

  /// Offsets are into the text that `sequences` names.
  Encoding encode_pair(std::string_view first, std::string_view second,
                       const EncodeOptions& options = {}) const;

  /// Cuts a long text into windows of at most `max_length` tokens (those put around the text
  /// counted); neighbours share `stride` tokens. Throws invalid_argument unless max_length leaves
  /// room for more than `stride` tokens of text.
  std::vector<Encoding> windows(std::string_view text, i64 max_length, i64 stride,
                                const EncodeOptions& options = {
                                    .special_tokens = SpecialTokens::add,
                                    .special_text = SpecialText::plain}) const;

  /// Unknown ids are left out, as in the reference. Bytes that are not UTF-8 become U+FFFD.
  std::string decode(std::span<const i64> ids,
                     SpecialsInText specials = SpecialsInText::skip) const;

  /// Tokens' strings as a text, without looking them up: what decoding does after that (Hugging
  /// Face's convert_tokens_to_string).
  std::string join(std::vector<std::string> tokens) const;

  /// True where the tokens that go on a word are marked ("##ver"), so that words can be told.
  bool marks_continuation() const;

  /// The token's string as the vocabulary has it; empty optional for an id without one.
  std::optional<std::string_view> token_text(i64 id) const;
  std::optional<i64> id_of(std::string_view token) const;
  /// Largest id + 1.
  i64 vocab_size() const;

  const SpecialIds& special_ids() const;
  bool is_special(i64 id) const;
  /// Ids that end a generation: eos and the turn-ending tokens of known chat formats.
  const std::vector<i64>& eos_ids() const;

 private:
  std::unique_ptr<const TokenizerParts> parts_;
};

/// Text of ids that come one at a time: a chunk as soon as its characters are complete (Hugging
/// Face's DecodeStream). Holds a reference to the tokenizer. One stream a thread.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, SpecialsInText specials = SpecialsInText::skip)
      : tokenizer_(tokenizer), specials_(specials) {}

  /// The text that the id completes; empty optional while a character is unfinished. After 64 ids
  /// without a complete character the text is given out as it is.
  std::optional<std::string> push(i64 id);

  /// What is left at the end of the stream, unfinished characters as U+FFFD.
  std::string finish();

 private:
  static constexpr i64 max_pending = 64;

  const Tokenizer& tokenizer_;
  SpecialsInText specials_;
  std::vector<i64> ids_;  ///< the last chunk's ids, then the pending ones
  std::string prefix_;    ///< text of the first prefix_ids_ of them
  i64 prefix_ids_ = 0;
};

}  // namespace medlar::text
