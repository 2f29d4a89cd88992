#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/byte_range.h"
#include "text/vocabulary.h"

namespace medlar::text {

/// An id and the bytes it stands for, in whatever text the context says.
struct Token {
  i64 id = 0;
  ByteRange range;
};

/// The segmentation of pieces into tokens of a vocabulary. Immutable, safe to share between
/// threads.
class Model {
 public:
  virtual ~Model() = default;

  /// Appends the tokens of each piece, with ranges of `text`.
  virtual void encode(std::string_view text, std::span<const ByteRange> pieces,
                      std::vector<Token>& tokens) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
  /// The id of unknown text, if the model has one.
  virtual std::optional<i64> unknown_id() const = 0;
  /// True where tokens that go on a word carry a mark.
  virtual bool marks_continuation() const { return false; }
};

}  // namespace medlar::text
