#include "text/sentencepiece_bpe.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "text/bpe.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

using formats::PieceType;

bool is_matched(PieceType type) {
  return type == PieceType::normal || type == PieceType::user_defined || type == PieceType::unused;
}

/// Places of scores in descending order, equal ones alike.
std::map<float, i64, std::greater<>> ranks_of(const formats::SentencePieceModel& model) {
  std::map<float, i64, std::greater<>> ranks;
  for (const formats::SentencePiece& piece : model.pieces) {
    if (!std::isfinite(piece.score))
      fail(ErrorCode::corrupt_file, "a piece has a score that is not finite");
    ranks.emplace(piece.score, 0);
  }
  i64 rank = 0;
  for (auto& [score, place] : ranks) place = rank++;
  return ranks;
}

}  // namespace

SentencePieceBpe::SentencePieceBpe(const formats::SentencePieceModel& model,
                                   const SentencePieceNormalizer& normalizer)
    : normalizer_(normalizer), piece_count_(ssize_of(model.pieces)), unknown_id_(model.unk_id) {
  index_pieces(model);
  index_pairs(model);
  // NOLINTNEXTLINE(cppcoreguidelines-prefer-member-initializer): the pieces are indexed just above
  splits_at_marks_ = marks_only_begin(pieces_);
}

void SentencePieceBpe::index_pieces(const formats::SentencePieceModel& model) {
  is_unused_.resize(model.pieces.size());
  for (i64 id = 0; id < piece_count_; ++id) {
    const formats::SentencePiece& piece = model.pieces[static_cast<std::size_t>(id)];
    is_unused_[static_cast<std::size_t>(id)] = piece.type == PieceType::unused;
    has_user_defined_ = has_user_defined_ || piece.type == PieceType::user_defined;
    if (is_matched(piece.type) && !piece.text.empty()) pieces_.add(piece.text, id);
  }
  i64 next = 0;
  for (const formats::SentencePiece& piece : model.pieces) {
    if (!is_matched(piece.type)) continue;
    for (i64 at = 0; at < ssize_of(piece.text);) {
      const i64 bytes = code_point_at(piece.text, at).bytes;
      const std::string character =
          piece.text.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(bytes));
      if (!symbol_id(character)) other_characters_.add(character, next++);
      at += bytes;
    }
  }
}

void SentencePieceBpe::index_pairs(const formats::SentencePieceModel& model) {
  const std::map<float, i64, std::greater<>> ranks = ranks_of(model);
  merges_ = Merges(2 * piece_count_);
  for (i64 id = 0; id < piece_count_; ++id) {
    const formats::SentencePiece& piece = model.pieces[static_cast<std::size_t>(id)];
    if (!is_matched(piece.type) || pieces_.find(piece.text) != id) continue;
    const std::string_view text = piece.text;
    for (i64 cut = code_point_at(text, 0).bytes; cut < ssize_of(text);
         cut += code_point_at(text, cut).bytes) {
      const std::optional<i64> left = symbol_id(text.substr(0, static_cast<std::size_t>(cut)));
      const std::optional<i64> right =
          left ? symbol_id(text.substr(static_cast<std::size_t>(cut))) : std::nullopt;
      if (!right) continue;
      merges_.add(*left, *right, {.rank = ranks.at(piece.score), .id = id});
      if (piece.type == PieceType::unused) {
        parts_of_unused_.set(static_cast<u64>(id),
                             (static_cast<u64>(*left) << 32) | static_cast<u64>(*right));
      }
    }
  }
}

std::optional<i64> SentencePieceBpe::symbol_id(std::string_view text) const {
  if (const std::optional<i64> id = pieces_.find(text)) return id;
  if (const std::optional<i64> id = other_characters_.find(text)) return piece_count_ + *id;
  return std::nullopt;
}

void SentencePieceBpe::segment(std::string_view text, std::vector<Token>& tokens) const {
  WordCache cache(text, ssize_of(text) / 4, tokens);
  i64 run_begin = 0;
  const auto finish_run = [&](i64 end) {
    if (end > run_begin) segment_run(text, {run_begin, end}, cache, tokens);
  };
  for (i64 at = 0; has_user_defined_ && at < ssize_of(text);) {
    const i64 size = normalizer_.user_defined_at(text, at);
    if (size == 0) {
      at += code_point_at(text, at).bytes;
      continue;
    }
    finish_run(at);
    const std::string_view piece =
        text.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(size));
    tokens.push_back({pieces_.find(piece).value_or(unknown_id_), {at, at + size}});
    at += size;
    run_begin = at;
  }
  finish_run(ssize_of(text));
}

void SentencePieceBpe::segment_run(std::string_view text, ByteRange run, WordCache& cache,
                                   std::vector<Token>& tokens) const {
  for (i64 at = run.begin; at < run.end;) {
    const i64 end = splits_at_marks_ ? marked_word_end(text, at, run.end) : run.end;
    if (!cache.replay({at, end})) {
      segment_word(text, {at, end}, tokens);
      cache.remember({at, end});
    }
    at = end;
  }
}

void SentencePieceBpe::segment_word(std::string_view text, ByteRange word,
                                    std::vector<Token>& tokens) const {
  std::vector<Symbol> symbols;
  symbols.reserve(static_cast<std::size_t>(word.size()));
  for (i64 at = word.begin; at < word.end;) {
    const i64 bytes = code_point_at(text, at).bytes;
    const std::string_view character =
        text.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(bytes));
    symbols.push_back({symbol_id(character).value_or(-1), {at, at + bytes}});
    at += bytes;
  }
  merges_.apply(symbols);
  for (const Symbol& symbol : symbols) put(symbol.id, symbol.range, tokens);
}

void SentencePieceBpe::put(i64 id, ByteRange range, std::vector<Token>& tokens) const {
  if (id < 0 || id >= piece_count_) {
    tokens.push_back({unknown_id_, range});
    return;
  }
  const u64* parts = is_unused_[static_cast<std::size_t>(id)]
                         ? parts_of_unused_.find(static_cast<u64>(id))
                         : nullptr;
  if (parts == nullptr) {
    tokens.push_back({id, range});
    return;
  }
  // An unused piece is taken apart again; its parts are shorter, so this ends.
  const i64 left = static_cast<i64>(*parts >> 32);
  const std::string_view left_text =
      left < piece_count_ ? pieces_.token(left).value_or("")
                          : other_characters_.token(left - piece_count_).value_or("");
  const i64 cut = range.begin + ssize_of(left_text);
  put(left, {range.begin, cut}, tokens);
  put(static_cast<i64>(*parts & 0xffffffffu), {cut, range.end}, tokens);
}

}  // namespace medlar::text
