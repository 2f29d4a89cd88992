#pragma once

#include <memory>

#include "base/json.h"
#include "text/aligned_text.h"

namespace medlar::text {

/// A step that makes text uniform. Immutable, safe to share between threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(AlignedText& text) const = 0;
};

/// The `normalizer` of a tokenizer.json (null: none). Throws unsupported for an unknown kind,
/// corrupt_file for a malformed one.
std::unique_ptr<const Normalizer> normalizer_from_json(const Json& json);

enum class LetterCase { kept, lowered };
enum class Accents { kept, stripped };

/// BERT's basic tokeniser before its splits: control characters vanish, white space becomes a
/// space, CJK ideographs get spaces around them.
std::unique_ptr<const Normalizer> bert_normalizer(LetterCase letter_case, Accents accents);

}  // namespace medlar::text
