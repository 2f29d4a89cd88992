#pragma once

#include <memory>
#include <vector>

#include "base/json.h"
#include "text/aligned_text.h"
#include "text/byte_range.h"
#include "text/splitter.h"

namespace medlar::text {

/// A normalised text and the ranges of it that the model segments one by one.
struct Pieces {
  AlignedText text;
  std::vector<ByteRange> ranges;  ///< ascending, disjoint, not empty
};

/// A step that cuts pieces into smaller ones. Immutable, safe to share between threads.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void split(Pieces& pieces) const = 0;
};

/// How a byte-level step hands bytes to the model: as they are, or each as the printable character
/// that stands for it in vocabularies (GPT-2's byte-to-unicode table).
enum class ByteAlphabet { raw, printable };

/// The steps of a tokenizer.json's `pre_tokenizer` (null: none). Throws unsupported for an unknown
/// kind, corrupt_file for a malformed one.
std::unique_ptr<const PreTokenizer> pre_tokenizer_from_json(const Json& json,
                                                            ByteAlphabet alphabet);

/// True if the last step of a `pre_tokenizer` is the byte-level one.
bool ends_in_byte_level(const Json& json);

/// A step for a published pattern, each match and each gap a piece.
std::unique_ptr<const PreTokenizer> pattern_splitter(SplitPattern pattern);

/// Steps for regular expressions applied one after the other, each match and each gap a piece.
std::unique_ptr<const PreTokenizer> regex_splitter(const std::vector<std::string>& patterns);

/// White space vanishes, punctuation stands alone: BERT's.
std::unique_ptr<const PreTokenizer> bert_pre_tokenizer();

}  // namespace medlar::text
