#include "text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

using Kind = SpecialTemplate::Item::Kind;

/// The range without the white space at both ends, which an added token may have taken along.
ByteRange without_spaces(std::string_view text, ByteRange range) {
  const auto is_space_at = [&](i64 at) {
    return (character_class(code_point_at(text, at).value) & class_space) != 0;
  };
  while (range.size() > 0 && is_space_at(range.begin))
    range.begin += code_point_at(text, range.begin).bytes;
  while (range.size() > 0) {
    const i64 last = character_begin_before(text, range.end);
    if (!is_space_at(last)) break;
    range.end = last;
  }
  return range;
}

/// Leaves the spaces at both ends of tokens out of their ranges (byte-level post-processing).
void trim_offsets(const TokenizerParts& parts, std::string_view source,
                  std::vector<Token>& tokens) {
  constexpr std::string_view space =
      "\xc4\xa0";  // U+0120, the printable character of the space byte
  bool is_first = true;
  for (Token& token : tokens) {
    if (parts.added->find(token.id) != nullptr) {
      token.range = without_spaces(source, token.range);
      is_first = false;
      continue;
    }
    std::string_view text = parts.encoder->vocabulary().token(token.id).value_or("");
    i64 leading = 0;
    i64 trailing = 0;
    const std::string_view whole = text;
    for (; text.starts_with(space); text.remove_prefix(space.size())) ++leading;
    for (text = whole; text.ends_with(space); text.remove_suffix(space.size())) ++trailing;
    if (leading > 0) {
      if ((is_first || token.range.begin == 0) && parts.post_processor.adds_prefix_space) --leading;
      token.range.begin = std::min(token.range.begin + leading, token.range.end);
    }
    if (trailing > 0 && token.range.end >= trailing) {
      token.range.end = std::max(token.range.end - trailing, token.range.begin);
    }
    is_first = false;
  }
}

std::vector<Token> tokens_of(const TokenizerParts& parts, std::string_view text,
                             SpecialText special_text) {
  check_utf8(text);
  std::vector<Token> tokens;
  for (const AddedTokens::Part& part :
       parts.added->split(text, AddedTokens::Stage::original, special_text)) {
    if (part.id) {
      tokens.push_back({*part.id, part.range});
      continue;
    }
    const std::string_view segment = text.substr(static_cast<std::size_t>(part.range.begin),
                                                 static_cast<std::size_t>(part.range.size()));
    parts.encoder->encode(segment, part.range.begin, special_text, tokens);
  }
  if (parts.post_processor.trims_offsets) trim_offsets(parts, text, tokens);
  return tokens;
}

void append(Encoding& encoding, const Token& token, i64 type_id, i64 sequence) {
  encoding.ids.push_back(token.id);
  encoding.offsets.push_back(token.range);
  encoding.type_ids.push_back(type_id);
  encoding.sequences.push_back(sequence);
}

/// Lays the texts' tokens into the template.
Encoding laid_out(const std::vector<SpecialTemplate::Item>& items, SpecialTokens special_tokens,
                  std::span<const Token> first, std::span<const Token> second) {
  Encoding encoding;
  encoding.ids.reserve(first.size() + second.size() + 4);
  encoding.offsets.reserve(encoding.ids.capacity());
  encoding.type_ids.reserve(encoding.ids.capacity());
  encoding.sequences.reserve(encoding.ids.capacity());
  for (const SpecialTemplate::Item& item : items) {
    if (item.kind == Kind::special) {
      if (special_tokens == SpecialTokens::none) continue;
      for (i64 id : item.ids) append(encoding, {id, {0, 0}}, item.type_id, -1);
      continue;
    }
    const i64 sequence = item.kind == Kind::first_text ? 0 : 1;
    for (const Token& token : sequence == 0 ? first : second)
      append(encoding, token, item.type_id, sequence);
  }
  return encoding;
}

}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(std::make_unique<const TokenizerParts>(std::move(parts))) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const std::vector<Token> tokens = tokens_of(*parts_, text, options.special_text);
  return laid_out(parts_->post_processor.special_template.single, options.special_tokens, tokens,
                  {});
}

Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const EncodeOptions& options) const {
  const std::vector<Token> first_tokens = tokens_of(*parts_, first, options.special_text);
  const std::vector<Token> second_tokens = tokens_of(*parts_, second, options.special_text);
  return laid_out(parts_->post_processor.special_template.pair, options.special_tokens,
                  first_tokens, second_tokens);
}

std::vector<Encoding> Tokenizer::windows(std::string_view text, i64 max_length, i64 stride,
                                         const EncodeOptions& options) const {
  const std::vector<SpecialTemplate::Item>& items = parts_->post_processor.special_template.single;
  i64 room = max_length;
  for (const SpecialTemplate::Item& item : items) {
    if (item.kind == Kind::special && options.special_tokens == SpecialTokens::add)
      room -= ssize_of(item.ids);
  }
  if (stride < 0 || room <= stride) {
    fail(ErrorCode::invalid_argument,
         "windows of {} tokens with a stride of {} leave no room for new text", max_length, stride);
  }
  const std::vector<Token> tokens = tokens_of(*parts_, text, options.special_text);
  std::vector<Encoding> result;
  i64 begin = 0;
  while (true) {
    const i64 end = std::min(begin + room, ssize_of(tokens));
    const std::span<const Token> window = std::span(tokens).subspan(
        static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    result.push_back(laid_out(items, options.special_tokens, window, {}));
    if (end == ssize_of(tokens)) return result;
    begin += room - stride;
  }
}

std::string Tokenizer::decode(std::span<const i64> ids, SpecialsInText specials) const {
  return parts_->detokenizer->decode(ids, specials);
}

std::string Tokenizer::join(std::vector<std::string> tokens) const {
  return parts_->detokenizer->join(std::move(tokens));
}

bool Tokenizer::marks_continuation() const { return parts_->marks_continuation; }

std::optional<std::string_view> Tokenizer::token_text(i64 id) const {
  if (const AddedToken* added = parts_->added->find(id)) return added->content;
  return parts_->encoder->vocabulary().token(id);
}

std::optional<i64> Tokenizer::id_of(std::string_view token) const {
  return find_token(*parts_, token);
}

i64 Tokenizer::vocab_size() const {
  i64 size = parts_->encoder->vocabulary().size();
  for (const AddedToken& token : parts_->added->all()) size = std::max(size, token.id + 1);
  return size;
}

const SpecialIds& Tokenizer::special_ids() const { return parts_->special_ids; }

bool Tokenizer::is_special(i64 id) const {
  const AddedToken* added = parts_->added->find(id);
  return added != nullptr && added->special;
}

const std::vector<i64>& Tokenizer::eos_ids() const { return parts_->eos_ids; }

std::optional<std::string> StreamDecoder::push(i64 id) {
  if (prefix_.empty() && !ids_.empty()) {
    std::string before = tokenizer_.decode(ids_, specials_);
    if (!ends_with_replacement(before)) {
      prefix_ = std::move(before);
      prefix_ids_ = ssize_of(ids_);
    }
  }
  ids_.push_back(id);
  const std::string text = tokenizer_.decode(ids_, specials_);
  const bool is_overdue = ssize_of(ids_) - prefix_ids_ > max_pending;
  if (text.size() <= prefix_.size() || (ends_with_replacement(text) && !is_overdue))
    return std::nullopt;
  // A decoder that cleans up may change text that was given out already; then only the rest is new.
  std::string chunk = text.substr(prefix_.size());
  const i64 kept = ssize_of(ids_) - prefix_ids_;
  ids_.erase(ids_.begin(), ids_.begin() + prefix_ids_);
  prefix_ = tokenizer_.decode(ids_, specials_);
  prefix_ids_ = kept;
  return chunk;
}

std::string StreamDecoder::finish() {
  const std::string text = tokenizer_.decode(ids_, specials_);
  std::string rest = text.size() > prefix_.size() ? text.substr(prefix_.size()) : std::string();
  ids_.clear();
  prefix_.clear();
  prefix_ids_ = 0;
  return rest;
}

}  // namespace medlar::text
