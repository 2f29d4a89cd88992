#include "text/wordpiece.h"

#include <utility>

#include "base/error.h"
#include "text/unicode.h"
#include "text/word_cache.h"

namespace medlar::text {

WordPiece::WordPiece(Vocabulary vocabulary, const Options& options)
    : vocabulary_(std::move(vocabulary)),
      max_word_characters_(options.max_word_characters),
      marks_continuation_(!options.prefix.empty()) {
  const std::optional<i64> unknown = vocabulary_.find(options.unknown);
  if (!unknown)
    fail(ErrorCode::corrupt_file, "the tokenizer's unknown token is not in its vocabulary");
  unknown_id_ = *unknown;
  for (i64 id = 0; id < vocabulary_.size(); ++id) {
    std::string_view token = vocabulary_.token(id).value_or("");
    if (token.empty() || vocabulary_.find(token) != id) continue;
    first_.add(token, id);
    if (!token.starts_with(options.prefix)) continue;
    token.remove_prefix(options.prefix.size());
    if (!token.empty()) rest_.add(token, id);
  }
}

void WordPiece::encode(std::string_view text, std::span<const ByteRange> pieces,
                       std::vector<Token>& tokens) const {
  // Only the first time: asked for again and again, reserve would copy all tokens each time.
  if (tokens.empty()) tokens.reserve(pieces.size() + pieces.size() / 2);
  WordCache cache(text, static_cast<i64>(pieces.size()), tokens);
  for (const ByteRange& piece : pieces) {
    if (cache.replay(piece)) continue;
    encode_word(text, piece, tokens);
    cache.remember(piece);
  }
}

void WordPiece::encode_word(std::string_view text, ByteRange word,
                            std::vector<Token>& tokens) const {
  const std::size_t before = tokens.size();
  const auto give_up = [&] {
    tokens.resize(before);
    tokens.push_back({unknown_id_, word});
  };
  const auto is_character_begin = [&](i64 at) {
    return (static_cast<u8>(text[static_cast<std::size_t>(at)]) & 0xc0u) != 0x80u;
  };
  i64 characters = 0;
  for (i64 at = word.begin; at < word.end && characters <= max_word_characters_; ++at) {
    characters += is_character_begin(at) ? 1 : 0;
  }
  if (characters > max_word_characters_) return give_up();
  const std::string_view bounded = text.substr(0, static_cast<std::size_t>(word.end));
  for (i64 at = word.begin; at < word.end;) {
    const Trie& trie = at == word.begin ? first_ : rest_;
    const std::optional<Trie::Match> match = trie.longest(bounded, at);
    if (!match) return give_up();
    tokens.push_back({match->value, {at, at + match->size}});
    at += match->size;
  }
}

WordLevel::WordLevel(Vocabulary vocabulary, const std::string& unknown)
    : vocabulary_(std::move(vocabulary)), unknown_id_(vocabulary_.find(unknown)) {}

void WordLevel::encode(std::string_view text, std::span<const ByteRange> pieces,
                       std::vector<Token>& tokens) const {
  for (const ByteRange& piece : pieces) {
    std::optional<i64> id = vocabulary_.find(
        text.substr(static_cast<std::size_t>(piece.begin), static_cast<std::size_t>(piece.size())));
    if (!id) id = unknown_id_;
    if (!id)
      fail(ErrorCode::invalid_argument,
           "the text has a word that the vocabulary lacks, and no unknown token");
    tokens.push_back({*id, piece});
  }
}

}  // namespace medlar::text
