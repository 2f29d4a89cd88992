#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "text/decoder.h"
#include "text/model.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"

/// What loaders put together to make a Tokenizer.
namespace medlar::text {

/// Text without added tokens of the original stage -> tokens. Immutable, safe to share between
/// threads.
class SegmentEncoder {
 public:
  virtual ~SegmentEncoder() = default;
  /// Appends tokens whose ranges are bytes of the original text, in which `segment` begins at
  /// `base`.
  virtual void encode(std::string_view segment, i64 base, SpecialText special_text,
                      std::vector<Token>& tokens) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

/// Ids -> text. Immutable, safe to share between threads.
class Detokenizer {
 public:
  virtual ~Detokenizer() = default;
  virtual std::string decode(std::span<const i64> ids, SpecialsInText specials) const = 0;
  /// Token strings -> text.
  virtual std::string join(std::vector<std::string> tokens) const = 0;
};

struct TokenizerParts {
  std::unique_ptr<const AddedTokens> added;  ///< encoder and detokenizer may refer to it
  std::unique_ptr<const SegmentEncoder> encoder;
  std::unique_ptr<const Detokenizer> detokenizer;
  PostProcessor post_processor;
  SpecialIds special_ids;
  std::vector<i64> eos_ids;
  bool marks_continuation = false;  ///< the model puts a mark on tokens that go on a word
};

/// Which bytes a token's range names: whole characters (Hugging Face), or its very bytes
/// (tiktoken).
enum class OffsetUnit { characters, bytes };

/// The steps of Hugging Face's tokenizers.
struct Pipeline {
  std::unique_ptr<const Normalizer> normalizer;
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const Model> model;
  std::unique_ptr<const Decoder> decoder;
  OffsetUnit offset_unit = OffsetUnit::characters;
};

/// Puts a pipeline and its added tokens together.
TokenizerParts assemble(Pipeline pipeline, std::vector<AddedToken> added_tokens,
                        PostProcessor post_processor);

/// Fills the roles that are still empty by the usual names of such tokens, and the ids that end a
/// generation.
void name_special_ids(TokenizerParts& parts);

/// The id of a token by its string, added tokens first.
std::optional<i64> find_token(const TokenizerParts& parts, std::string_view token);

}  // namespace medlar::text
