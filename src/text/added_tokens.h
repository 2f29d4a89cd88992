#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/byte_range.h"
#include "text/normalizer.h"
#include "text/trie.h"

namespace medlar::text {

/// What becomes of the strings of added tokens ("</s>", "<|im_end|>") that stand in the text.
enum class SpecialText {
  parse,          ///< they become their tokens: for text that a chat template made
  plain_special,  ///< those marked special stay text: Hugging Face's split_special_tokens. Leaves
                  ///< tokens live that act as control tokens without the mark (DeepSeek's turn
                  ///< markers)
  plain,          ///< all stay text, except tokens of nothing but white space: for untrusted text
};

/// A token that is looked for in the text before the model sees it.
struct AddedToken {
  i64 id = 0;
  std::string content;
  bool special = false;
  bool normalized = false;   ///< looked for in the normalised text, itself normalised
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space behind it along
  bool single_word = false;  ///< not inside of a word
};

/// The added tokens of a tokenizer. Immutable, safe to share between threads.
class AddedTokens {
 public:
  enum class Stage { original, normalised };

  struct Part {
    ByteRange range;
    std::optional<i64> id;  ///< of an added token; empty for text between
  };

  AddedTokens() = default;
  /// Throws limit_exceeded for a token over 512 bytes, corrupt_file for a negative id.
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer);

  /// Cuts text at the tokens of a stage, leftmost first, the longest of those that begin alike. No
  /// part is empty.
  std::vector<Part> split(std::string_view text, Stage stage, SpecialText special_text) const;

  const AddedToken* find(i64 id) const;
  const AddedToken* find(std::string_view content) const;
  const std::vector<AddedToken>& all() const { return tokens_; }

 private:
  bool stays_text(const AddedToken& token, SpecialText special_text) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<i64, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_content_;
  Trie original_;  ///< values are places in tokens_
  Trie normalised_;
};

}  // namespace medlar::text
