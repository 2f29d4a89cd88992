#include "base/error.h"
#include "text/sentencepiece.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr std::string_view mark = "\xe2\x96\x81";  // U+2581, the visible space
constexpr i64 max_piece_bytes = 512;

}  // namespace

SentencePieceNormalizer::SentencePieceNormalizer(const formats::SentencePieceModel& model)
    : map_(model.normalizer.precompiled_charsmap),
      adds_dummy_prefix_(model.normalizer.add_dummy_prefix),
      removes_extra_spaces_(model.normalizer.remove_extra_whitespaces),
      escapes_spaces_(model.normalizer.escape_whitespaces),
      space_is_suffix_(model.treat_whitespace_as_suffix) {
  i64 id = 0;
  for (const formats::SentencePiece& piece : model.pieces) {
    if (ssize_of(piece.text) > max_piece_bytes) {
      fail(ErrorCode::limit_exceeded, "piece {} has {} bytes, the limit is {}", id,
           piece.text.size(), max_piece_bytes);
    }
    check_utf8(piece.text);
    if (piece.type == formats::PieceType::user_defined && !piece.text.empty())
      user_defined_.add(piece.text, id);
    ++id;
  }
}

i64 SentencePieceNormalizer::user_defined_at(std::string_view text, i64 at) const {
  const std::optional<Trie::Match> match = user_defined_.longest(text, at);
  return match ? match->size : 0;
}

SentencePieceNormalizer::Prefix SentencePieceNormalizer::normalised_prefix(
    std::string_view input) const {
  const i64 user_defined = user_defined_.empty() ? 0 : user_defined_at(input, 0);
  if (user_defined > 0)
    return {input.substr(0, static_cast<std::size_t>(user_defined)), user_defined};
  if (const std::optional<CharsMap::Match> match = map_.longest(input))
    return {match->replacement, match->size};
  const i64 bytes = code_point_at(input, 0).bytes;
  return {input.substr(0, static_cast<std::size_t>(bytes)), bytes};
}

SentencePieceNormalizer::Result SentencePieceNormalizer::normalise(std::string_view input) const {
  Result result;
  i64 consumed = 0;
  const auto advance = [&](i64 bytes) {
    input.remove_prefix(static_cast<std::size_t>(bytes));
    consumed += bytes;
  };
  const auto put = [&](std::string_view bytes) {
    result.text += bytes;
    result.original.resize(result.text.size(), consumed);
  };
  const std::string_view space = escapes_spaces_ ? mark : " ";
  result.text.reserve(input.size() + input.size() / 2 + mark.size());
  result.original.reserve(result.text.capacity() + 1);
  while (removes_extra_spaces_ && !input.empty()) {
    const Prefix prefix = normalised_prefix(input);
    if (prefix.text != " ") break;
    advance(prefix.consumed);
  }
  if (input.empty()) return result;
  if (adds_dummy_prefix_ && !space_is_suffix_) put(space);
  bool after_space = removes_extra_spaces_;
  while (!input.empty()) {
    const Prefix prefix = normalised_prefix(input);
    std::string_view text = prefix.text;
    while (after_space && text.starts_with(' ')) text.remove_prefix(1);
    for (const char c : text) {
      if (c == ' ') {
        put(space);
      } else {
        result.text.push_back(c);
        result.original.push_back(consumed);
      }
    }
    if (!text.empty()) after_space = text.ends_with(' ');
    advance(prefix.consumed);
    if (!removes_extra_spaces_) after_space = false;
  }
  while (removes_extra_spaces_ && result.text.ends_with(space)) {
    const std::size_t length = result.text.size() - space.size();
    consumed = result.original[length];
    result.text.erase(length);
    result.original.resize(length);
  }
  if (adds_dummy_prefix_ && space_is_suffix_) put(space);
  result.original.push_back(consumed);
  return result;
}

}  // namespace medlar::text
