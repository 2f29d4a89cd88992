#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr i64 max_content_bytes = 512;
constexpr i64 max_id = i64{1} << 31;

bool is_blank(std::string_view text) {
  for (i64 at = 0; at < ssize_of(text);) {
    const CodePoint point = code_point_at(text, at);
    if ((character_class(point.value) & class_space) == 0) return false;
    at += point.bytes;
  }
  return true;
}

bool is_word_at(std::string_view text, i64 at) {
  return is_word_character(code_point_at(text, at).value);
}

bool is_space_at(std::string_view text, i64 at) {
  return (character_class(code_point_at(text, at).value) & class_space) != 0;
}

/// True if the match begins and ends at the edge of a word.
bool stands_alone(std::string_view text, ByteRange match) {
  const bool begins =
      match.begin == 0 || !is_word_at(text, character_begin_before(text, match.begin));
  const bool ends = match.end == ssize_of(text) || !is_word_at(text, match.end);
  return begins && ends;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer)
    : tokens_(std::move(tokens)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i];
    if (token.id < 0 || token.id >= max_id)
      fail(ErrorCode::corrupt_file, "an added token has the id {}", token.id);
    if (ssize_of(token.content) > max_content_bytes) {
      fail(ErrorCode::limit_exceeded, "the added token {} has {} bytes, the limit is {}", token.id,
           token.content.size(), max_content_bytes);
    }
    by_id_.insert_or_assign(token.id, i);
    by_content_.insert_or_assign(token.content, i);
    if (token.content.empty()) continue;
    if (!token.normalized) {
      original_.add(token.content, static_cast<i64>(i));
      continue;
    }
    AlignedText content(token.content, 0);
    normalizer.apply(content);
    if (ssize_of(content.text()) > 16 * max_content_bytes) {
      fail(ErrorCode::limit_exceeded, "the added token {} is too long once normalised", token.id);
    }
    if (!content.text().empty()) normalised_.add(content.text(), static_cast<i64>(i));
  }
}

bool AddedTokens::stays_text(const AddedToken& token, SpecialText special_text) const {
  switch (special_text) {
    case SpecialText::parse:
      return false;
    case SpecialText::plain_special:
      return token.special;
    case SpecialText::plain:
      return token.special || !is_blank(token.content);
  }
  return true;
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text, Stage stage,
                                                  SpecialText special_text) const {
  const Trie& trie = stage == Stage::original ? original_ : normalised_;
  std::vector<Part> parts;
  i64 done = 0;
  const auto finish = [&](i64 end) {
    if (end > done) parts.push_back({{done, end}, std::nullopt});
  };
  if (!trie.empty()) {
    for (i64 at = 0; at < ssize_of(text);) {
      const std::optional<Trie::Match> found = trie.longest(text, at);
      if (!found) {
        ++at;
        continue;
      }
      ByteRange match{at, at + found->size};
      at = match.end;
      const AddedToken& token = tokens_[static_cast<std::size_t>(found->value)];
      if (stays_text(token, special_text) || (token.single_word && !stands_alone(text, match)))
        continue;
      while (token.lstrip && match.begin > done) {
        const i64 before = character_begin_before(text, match.begin);
        if (!is_space_at(text, before)) break;
        match.begin = before;
      }
      match.begin = std::max(match.begin, done);
      while (token.rstrip && match.end < ssize_of(text) && is_space_at(text, match.end)) {
        match.end += code_point_at(text, match.end).bytes;
      }
      finish(match.begin);
      if (match.end > match.begin) parts.push_back({match, token.id});
      done = match.end;
      at = std::max(at, done);
    }
  }
  finish(ssize_of(text));
  return parts;
}

const AddedToken* AddedTokens::find(i64 id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

}  // namespace medlar::text
