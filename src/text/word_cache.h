#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "text/model.h"

namespace medlar::text {

/// Remembers, within one call, where in the text a word was segmented before: clinical text repeats
/// its words, and copying tokens costs a tenth of finding them. Direct-mapped; holds no bytes of
/// its own, so text and tokens must outlive it. Not thread-safe.
class WordCache {
 public:
  WordCache(std::string_view text, i64 pieces, std::vector<Token>& tokens)
      : text_(text), tokens_(tokens) {
    std::size_t slots = 16;
    while (slots < static_cast<std::size_t>(pieces) && slots < 65536) slots *= 2;
    slots_.resize(slots);
  }

  /// Appends the tokens of an equal word seen before; false if there is none.
  bool replay(ByteRange word) {
    slot_ = nullptr;
    if (word.size() > max_word_bytes) return false;
    const std::string_view bytes =
        text_.substr(static_cast<std::size_t>(word.begin), static_cast<std::size_t>(word.size()));
    slot_ = &slots_[hash_bytes(bytes) & (slots_.size() - 1)];
    if (slot_->size != word.size() ||
        std::memcmp(text_.data() + slot_->begin, bytes.data(), bytes.size()) != 0) {
      slot_->size = -1;
      begin_ = word.begin;
      first_token_ = ssize_of(tokens_);
      return false;
    }
    const i64 shift = word.begin - slot_->begin;
    for (i64 i = 0; i < slot_->tokens; ++i) {
      Token token = tokens_[static_cast<std::size_t>(slot_->first_token + i)];
      token.range.begin += shift;
      token.range.end += shift;
      tokens_.push_back(token);
    }
    return true;
  }

  /// Remembers the tokens appended since `replay` of this word said false.
  void remember(ByteRange word) {
    if (slot_ != nullptr)
      *slot_ = {begin_, word.size(), first_token_, ssize_of(tokens_) - first_token_};
  }

 private:
  static constexpr i64 max_word_bytes = 64;

  struct Slot {
    i64 begin = 0;
    i64 size = -1;
    i64 first_token = 0;
    i64 tokens = 0;
  };

  std::string_view text_;
  std::vector<Token>& tokens_;
  std::vector<Slot> slots_;
  Slot* slot_ = nullptr;
  i64 begin_ = 0;
  i64 first_token_ = 0;
};

}  // namespace medlar::text
