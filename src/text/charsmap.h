#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace medlar::text {

/// SentencePiece's precompiled character map: a double-array trie (darts-clone) from byte strings
/// to replacements. Every index is checked, so a hostile map can at worst replace wrongly.
/// Immutable.
class CharsMap {
 public:
  struct Match {
    i64 size;                      ///< bytes of the text that are replaced
    std::string_view replacement;  ///< lives as long as the map
  };

  CharsMap() = default;
  /// The blob of a .model file or tokenizer.json: u32 bytes of the trie, the trie, replacements
  /// each ended by a zero byte. Empty: replaces nothing. Throws corrupt_file.
  explicit CharsMap(std::string_view blob);

  bool empty() const { return units_.empty(); }
  /// The longest key that `text` begins with.
  std::optional<Match> longest(std::string_view text) const;
  /// The shortest key that `text` begins with (what Hugging Face's `Precompiled` takes).
  std::optional<Match> shortest(std::string_view text) const;

 private:
  enum class Wanted { shortest, longest };
  std::optional<Match> search(std::string_view text, Wanted wanted) const;

  std::vector<u32> units_;
  std::string replacements_;
};

/// Decodes base64 (RFC 4648, padding optional). Throws corrupt_file.
std::string decode_base64(std::string_view text);

}  // namespace medlar::text
