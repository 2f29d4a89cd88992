#include "text/bpe.h"

#include "base/error.h"
#include "text/byte_alphabet.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

constexpr std::string_view mark = "\xe2\x96\x81";  // U+2581, SentencePiece's visible space

std::string_view part(std::string_view text, ByteRange range) {
  return text.substr(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size()));
}

}  // namespace

std::array<i64, 256> byte_fallback_ids(const Vocabulary& vocabulary) {
  std::array<i64, 256> ids;
  for (std::size_t byte = 0; byte < 256; ++byte)
    ids[byte] = vocabulary.find(fmt::format("<0x{:02X}>", byte)).value_or(-1);
  return ids;
}

bool marks_only_begin(const Vocabulary& vocabulary) {
  for (i64 id = 0; id < vocabulary.size(); ++id) {
    std::string_view token = vocabulary.token(id).value_or("");
    while (token.starts_with(mark)) token.remove_prefix(mark.size());
    if (token.find(mark) != std::string_view::npos) return false;
  }
  return true;
}

i64 marked_word_end(std::string_view text, i64 begin, i64 end) {
  const std::string_view rest = part(text, {begin, end});
  std::size_t at = 0;
  while (rest.substr(at).starts_with(mark)) at += mark.size();
  const std::size_t next = rest.find(mark, at);
  return next == std::string_view::npos ? end : begin + static_cast<i64>(next);
}

Bpe::Bpe(Vocabulary vocabulary, Options options)
    : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {
  if (options_.unknown) unknown_id_ = vocabulary_.find(*options_.unknown);
  if (options_.unknown && !unknown_id_) {
    fail(ErrorCode::corrupt_file, "the tokenizer's unknown token is not in its vocabulary");
  }
  fallback_.fill(-1);
  if (options_.byte_fallback) fallback_ = byte_fallback_ids(vocabulary_);
  if (options_.alphabet == ByteAlphabet::raw) fill_byte_tables();
  const bool has_marks = vocabulary_.find(mark).has_value();
  splits_at_marks_ = options_.alphabet == ByteAlphabet::printable && options_.prefix.empty() &&
                     options_.suffix.empty() && has_marks && marks_only_begin(vocabulary_);
}

Bpe::Bpe(Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& merges,
         Options options)
    : Bpe(std::move(vocabulary), std::move(options)) {
  merges_ = Merges(ssize_of(merges));
  i64 rank = 0;
  for (const auto& [left, right] : merges) add_merge(left, right, rank++);
}

Bpe Bpe::from_ranks(Vocabulary vocabulary) {
  Bpe bpe(std::move(vocabulary), Options{.alphabet = ByteAlphabet::raw,
                                         .whole_words = WholeWords::looked_up_first,
                                         .unknown = {},
                                         .prefix = {},
                                         .suffix = {}});
  bpe.merges_ = Merges(2 * bpe.raw_words_.count());
  for (i64 id = 0; id < bpe.raw_words_.size(); ++id) {
    const std::optional<std::string_view> word = bpe.raw_words_.token(id);
    if (!word) continue;
    for (std::size_t cut = 1; cut < word->size(); ++cut) {
      const std::optional<i64> left = bpe.raw_words_.find(word->substr(0, cut));
      const std::optional<i64> right = left ? bpe.raw_words_.find(word->substr(cut)) : std::nullopt;
      if (right) bpe.merges_.add(*left, *right, {.rank = id, .id = id});
    }
  }
  return bpe;
}

void Bpe::add_merge(std::string_view left, std::string_view right, i64 rank) {
  const std::optional<i64> left_id = vocabulary_.find(left);
  const std::optional<i64> right_id = vocabulary_.find(right);
  const std::string_view tail =
      right.starts_with(options_.prefix) ? right.substr(options_.prefix.size()) : right;
  const std::optional<i64> merged = vocabulary_.find(std::string(left).append(tail));
  if (!left_id || !right_id || !merged) {
    fail(ErrorCode::corrupt_file,
         "merge {} of the tokenizer names tokens that its vocabulary lacks", rank);
  }
  merges_.add(*left_id, *right_id, {.rank = rank, .id = *merged});
}

void Bpe::fill_byte_tables() {
  const std::array<u32, 256> alphabet = byte_alphabet();
  for (std::size_t later = 0; later < 2; ++later) {
    for (std::size_t last = 0; last < 2; ++last) {
      for (std::size_t byte = 0; byte < 256; ++byte) {
        const std::string symbol = (later == 1 ? options_.prefix : "") + to_utf8(alphabet[byte]) +
                                   (last == 1 ? options_.suffix : "");
        placed_bytes_[later][last][byte] = vocabulary_.find(symbol).value_or(-1);
      }
    }
  }
  if (options_.whole_words == WholeWords::merged) return;
  for (i64 id = 0; id < vocabulary_.size(); ++id) {
    const std::optional<std::string_view> token = vocabulary_.token(id);
    if (!token) continue;
    if (const std::optional<std::string> bytes = from_byte_alphabet(*token);
        bytes && !bytes->empty())
      raw_words_.add(*bytes, id);
  }
}

std::optional<i64> Bpe::whole_word(std::string_view word) const {
  return options_.alphabet == ByteAlphabet::raw ? raw_words_.find(word) : vocabulary_.find(word);
}

void Bpe::encode(std::string_view text, std::span<const ByteRange> pieces,
                 std::vector<Token>& tokens) const {
  const i64 words = splits_at_marks_ ? ssize_of(text) / 4 : static_cast<i64>(pieces.size());
  // Only the first time: asked for again and again, reserve would copy all tokens each time.
  if (tokens.empty()) tokens.reserve(text.size() / 3);
  WordCache cache(text, words, tokens);
  for (const ByteRange& piece : pieces) {
    if (!splits_at_marks_) {
      encode_piece(text, piece, cache, tokens);
      continue;
    }
    for (i64 at = piece.begin; at < piece.end;) {
      const i64 end = marked_word_end(text, at, piece.end);
      encode_piece(text, {at, end}, cache, tokens);
      at = end;
    }
  }
}

void Bpe::encode_piece(std::string_view text, ByteRange piece, WordCache& cache,
                       std::vector<Token>& tokens) const {
  if (options_.whole_words == WholeWords::looked_up_first) {
    if (const std::optional<i64> id = whole_word(part(text, piece))) {
      tokens.push_back({*id, piece});
      return;
    }
  }
  if (cache.replay(piece)) return;
  std::vector<Symbol> symbols;
  encode_word(text, piece, symbols);
  for (const Symbol& symbol : symbols) tokens.push_back({symbol.id, symbol.range});
  cache.remember(piece);
}

void Bpe::encode_word(std::string_view text, ByteRange word, std::vector<Symbol>& symbols) const {
  symbols.reserve(static_cast<std::size_t>(word.size()));
  if (options_.alphabet == ByteAlphabet::raw) {
    symbols_of_bytes(text, word, symbols);
  } else {
    symbols_of_characters(text, word, symbols);
  }
  merges_.apply(symbols);
}

void Bpe::symbols_of_bytes(std::string_view text, ByteRange word,
                           std::vector<Symbol>& symbols) const {
  std::optional<Symbol> unknown;
  const auto flush = [&] {
    if (unknown) symbols.push_back(*unknown);
    unknown.reset();
  };
  for (i64 at = word.begin; at < word.end; ++at) {
    const u8 byte = static_cast<u8>(text[static_cast<std::size_t>(at)]);
    const i64 id = placed_bytes_[at == word.begin ? 0 : 1][at + 1 == word.end ? 1 : 0][byte];
    if (id >= 0) {
      flush();
      symbols.push_back({id, {at, at + 1}});
    } else if (unknown_id_) {
      if (unknown && options_.unknown_runs == UnknownRuns::fused) {
        unknown->range.end = at + 1;
      } else {
        flush();
        unknown = Symbol{*unknown_id_, {at, at + 1}};
      }
    }
  }
  flush();
}

void Bpe::symbols_of_characters(std::string_view text, ByteRange word,
                                std::vector<Symbol>& symbols) const {
  std::optional<Symbol> unknown;
  const auto flush = [&] {
    if (unknown) symbols.push_back(*unknown);
    unknown.reset();
  };
  const bool is_bare = options_.prefix.empty() && options_.suffix.empty();
  std::string placed;
  for (i64 at = word.begin; at < word.end;) {
    const ByteRange range{at, at + code_point_at(text, at).bytes};
    std::string_view symbol = part(text, range);
    if (!is_bare) {
      placed = at == word.begin ? std::string() : options_.prefix;
      placed += symbol;
      if (range.end == word.end) placed += options_.suffix;
      symbol = placed;
    }
    at = range.end;
    if (const std::optional<i64> id = vocabulary_.find(symbol)) {
      flush();
      symbols.push_back({*id, range});
      continue;
    }
    bool falls_back = options_.byte_fallback;
    for (char byte : symbol) falls_back = falls_back && fallback_[static_cast<u8>(byte)] >= 0;
    if (falls_back) {
      // As the reference does, a pending unknown stays pending behind the bytes.
      i64 byte_at = range.begin;
      for (char byte : symbol) {
        const i64 begin = std::min(byte_at++, range.end - 1);
        symbols.push_back({fallback_[static_cast<u8>(byte)], {begin, begin + 1}});
      }
    } else if (unknown_id_) {
      if (unknown && options_.unknown_runs == UnknownRuns::fused) {
        unknown->range.end = range.end;
      } else {
        flush();
        unknown = Symbol{*unknown_id_, range};
      }
    }
  }
  flush();
}

}  // namespace medlar::text
