#include "text/sentencepiece.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "text/bpe.h"
#include "text/load_tokenizer.h"
#include "text/sentencepiece_bpe.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"
#include "text/unigram.h"

namespace medlar::text {
namespace {

using formats::PieceType;
using formats::SentencePieceModel;

constexpr std::string_view mark = "\xe2\x96\x81";

Vocabulary vocabulary_of(const SentencePieceModel& model) {
  Vocabulary vocabulary;
  i64 id = 0;
  for (const formats::SentencePiece& piece : model.pieces) vocabulary.add(piece.text, id++);
  return vocabulary;
}

std::vector<Unigram::Piece> unigram_pieces(const SentencePieceModel& model) {
  std::vector<Unigram::Piece> pieces;
  for (const formats::SentencePiece& piece : model.pieces) {
    Unigram::Use use = Unigram::Use::never;
    if (piece.type == PieceType::normal) use = Unigram::Use::matched;
    if (piece.type == PieceType::user_defined) use = Unigram::Use::user_defined;
    pieces.push_back({piece.text, piece.score, use});
  }
  return pieces;
}

class SentencePieceEncoder : public SegmentEncoder {
 public:
  explicit SentencePieceEncoder(const SentencePieceModel& model)
      : vocabulary_(vocabulary_of(model)), normalizer_(model), unknown_id_(model.unk_id) {
    if (model.algorithm == SentencePieceModel::Algorithm::bpe) {
      bpe_ = std::make_unique<SentencePieceBpe>(model, normalizer_);
    } else {
      unigram_ = std::make_unique<Unigram>(unigram_pieces(model), unknown_id_);
    }
    bytes_.fill(-1);
    if (model.byte_fallback) bytes_ = byte_fallback_ids(vocabulary_);
  }

  void encode(std::string_view segment, i64 base, SpecialText,
              std::vector<Token>& tokens) const override {
    const SentencePieceNormalizer::Result normal = normalizer_.normalise(segment);
    if (normal.text.empty()) return;
    std::vector<Token> path;
    if (bpe_) {
      bpe_->segment(normal.text, path);
    } else {
      unigram_->segment(normal.text, {0, ssize_of(normal.text)}, path);
    }
    append(normal, path, base, tokens);
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  bool falls_back(std::string_view text) const {
    for (char byte : text) {
      if (bytes_[static_cast<u8>(byte)] < 0) return false;
    }
    return true;
  }

  /// Original ranges; unknown text becomes bytes, or one token a run.
  void append(const SentencePieceNormalizer::Result& normal, const std::vector<Token>& path,
              i64 base, std::vector<Token>& tokens) const {
    const auto original = [&](i64 at) {
      return base + normal.original[static_cast<std::size_t>(at)];
    };
    bool after_unknown = false;
    for (const Token& token : path) {
      const ByteRange range{original(token.range.begin), original(token.range.end)};
      const bool is_unknown = token.id == unknown_id_;
      const std::string_view text = std::string_view(normal.text)
                                        .substr(static_cast<std::size_t>(token.range.begin),
                                                static_cast<std::size_t>(token.range.size()));
      if (is_unknown && falls_back(text)) {
        // Only the last byte's token has the range of the character.
        for (std::size_t i = 0; i < text.size(); ++i) {
          const bool is_last = i + 1 == text.size();
          tokens.push_back(
              {bytes_[static_cast<u8>(text[i])], {range.begin, is_last ? range.end : range.begin}});
        }
      } else if (is_unknown && after_unknown) {
        tokens.back().range.end = range.end;
      } else {
        tokens.push_back({token.id, range});
      }
      after_unknown = is_unknown;
    }
  }

  Vocabulary vocabulary_;
  SentencePieceNormalizer normalizer_;
  std::unique_ptr<const SentencePieceBpe> bpe_;
  std::unique_ptr<const Unigram> unigram_;
  i64 unknown_id_;
  std::array<i64, 256> bytes_{};
};

class SentencePieceDetokenizer : public Detokenizer {
 public:
  SentencePieceDetokenizer(const SentencePieceModel& model, const Vocabulary& vocabulary)
      : vocabulary_(vocabulary),
        unk_surface_(model.unk_surface),
        unk_id_(model.unk_id),
        strips_first_space_(model.normalizer.add_dummy_prefix ||
                            model.normalizer.remove_extra_whitespaces),
        strips_all_first_spaces_(model.normalizer.remove_extra_whitespaces),
        denormaliser_(model.has_denormalizer
                          ? std::string_view(model.denormalizer.precompiled_charsmap)
                          : "") {
    const std::array<i64, 256> bytes = byte_fallback_ids(vocabulary);
    types_.reserve(model.pieces.size());
    for (const formats::SentencePiece& piece : model.pieces) types_.push_back(piece.type);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const bool is_byte = bytes[byte] >= 0 && type_of(bytes[byte]) == PieceType::byte;
      if (is_byte) bytes_.set(static_cast<u64>(bytes[byte]), byte);
    }
  }

  std::string decode(std::span<const i64> ids, SpecialsInText specials) const override {
    std::string text;
    std::string bytes;
    bool at_start = true;  // a first space is the dummy prefix, not text
    bool space_seen = false;
    for (i64 id : ids) {
      const std::optional<std::string_view> piece = vocabulary_.token(id);
      if (!piece) continue;
      if (const u64* byte = bytes_.find(static_cast<u64>(id))) {
        bytes.push_back(static_cast<char>(static_cast<u8>(*byte)));
        continue;
      }
      flush(bytes, text);
      if (space_seen || !text.empty()) at_start = false;
      space_seen = append(id, *piece, at_start, specials, text);
    }
    flush(bytes, text);
    return denormalised(text);
  }

  std::string join(std::vector<std::string> tokens) const override {
    std::string text;
    for (const std::string& token : tokens) {
      std::string_view rest = token;
      for (std::size_t at = rest.find(mark); at != std::string_view::npos; at = rest.find(mark)) {
        text.append(rest.substr(0, at)).push_back(' ');
        rest.remove_prefix(at + mark.size());
      }
      text += rest;
    }
    const bool drops_first = strips_first_space_ && text.starts_with(' ');
    return drops_first ? text.substr(1) : text;
  }

 private:
  PieceType type_of(i64 id) const { return types_[static_cast<std::size_t>(id)]; }

  /// Appends a piece; true if a space at the start of the text was left out.
  bool append(i64 id, std::string_view piece, bool at_start, SpecialsInText specials,
              std::string& text) const {
    if (type_of(id) == PieceType::control) {
      if (specials == SpecialsInText::keep) text += piece;
      return false;
    }
    if (id == unk_id_) {
      text += unk_surface_;
      return false;
    }
    bool left_out = false;
    if (at_start && strips_first_space_ && piece.starts_with(mark)) {
      piece.remove_prefix(mark.size());
      left_out = !strips_all_first_spaces_;
    }
    for (std::size_t found = piece.find(mark); found != std::string_view::npos;
         found = piece.find(mark)) {
      text.append(piece.substr(0, found)).push_back(' ');
      piece.remove_prefix(found + mark.size());
    }
    text += piece;
    return left_out;
  }

  /// Each byte that is not part of a character becomes U+FFFD.
  static void flush(std::string& bytes, std::string& text) {
    for (i64 at = 0; at < ssize_of(bytes);) {
      const std::optional<i64> size = valid_sequence_at(bytes, at);
      if (size) {
        text.append(bytes, static_cast<std::size_t>(at), static_cast<std::size_t>(*size));
      } else {
        append_utf8(text, 0xfffd);
      }
      at += size.value_or(1);
    }
    bytes.clear();
  }

  std::string denormalised(const std::string& text) const {
    if (denormaliser_.empty()) return text;
    std::string result;
    for (std::string_view left = text; !left.empty();) {
      const std::optional<CharsMap::Match> match = denormaliser_.longest(left);
      const std::size_t consumed =
          static_cast<std::size_t>(match ? match->size : code_point_at(left, 0).bytes);
      result += match ? match->replacement : left.substr(0, consumed);
      left.remove_prefix(consumed);
    }
    return result;
  }

  const Vocabulary& vocabulary_;
  std::vector<PieceType> types_;
  FlatMap bytes_;  ///< id -> byte
  std::string unk_surface_;
  i64 unk_id_;
  bool strips_first_space_;
  bool strips_all_first_spaces_;
  CharsMap denormaliser_;
};

void check_model(const SentencePieceModel& model) {
  if (model.algorithm != SentencePieceModel::Algorithm::bpe &&
      model.algorithm != SentencePieceModel::Algorithm::unigram) {
    fail(ErrorCode::unsupported,
         "the SentencePiece model is of the word or character kind; only bpe and unigram are known "
         "here");
  }
  const i64 count = ssize_of(model.pieces);
  if (model.unk_id < 0 || model.unk_id >= count) {
    fail(ErrorCode::corrupt_file,
         "the SentencePiece model has {} pieces and no unknown piece among them", count);
  }
}

std::optional<i64> id_within(const SentencePieceModel& model, i64 id) {
  return id >= 0 && id < ssize_of(model.pieces) ? std::optional<i64>(id) : std::nullopt;
}

PostProcessor template_around(const SpecialIds& ids, AroundText around) {
  using Kind = SpecialTemplate::Item::Kind;
  PostProcessor result;
  std::vector<SpecialTemplate::Item>& single = result.special_template.single;
  std::vector<SpecialTemplate::Item>& pair = result.special_template.pair;
  single.clear();
  pair.clear();
  for (const Kind kind : {Kind::first_text, Kind::second_text}) {
    const i64 type_id = kind == Kind::first_text ? 0 : 1;
    if (around.bos && ids.bos) pair.push_back(SpecialTemplate::special(*ids.bos, type_id));
    pair.push_back(SpecialTemplate::text(kind, type_id));
    if (around.eos && ids.eos) pair.push_back(SpecialTemplate::special(*ids.eos, type_id));
    if (kind == Kind::first_text) single = pair;
  }
  return result;
}

}  // namespace

AroundText usual_tokens_around(const SentencePieceModel& model) {
  if (model.algorithm == SentencePieceModel::Algorithm::bpe)
    return {.bos = model.bos_id >= 0, .eos = false};
  return {.bos = false, .eos = model.bos_id < 0 && model.eos_id >= 0};
}

Tokenizer tokenizer_from_sentencepiece_model(const SentencePieceModel& model, AroundText around) {
  check_model(model);
  TokenizerParts parts;
  parts.encoder = std::make_unique<SentencePieceEncoder>(model);
  parts.detokenizer =
      std::make_unique<SentencePieceDetokenizer>(model, parts.encoder->vocabulary());
  std::vector<AddedToken> added;
  for (i64 id = 0; id < ssize_of(model.pieces); ++id) {
    const formats::SentencePiece& piece = model.pieces[static_cast<std::size_t>(id)];
    if (piece.type != PieceType::control && piece.type != PieceType::unknown) continue;
    AddedToken token;
    token.id = id;
    token.content = piece.text;
    token.special = true;
    added.push_back(std::move(token));
  }
  parts.added = std::make_unique<AddedTokens>(std::move(added), *normalizer_from_json(nullptr));
  SpecialIds& ids = parts.special_ids;
  ids.unk = id_within(model, model.unk_id);
  ids.bos = id_within(model, model.bos_id);
  ids.eos = id_within(model, model.eos_id);
  ids.pad = id_within(model, model.pad_id);
  name_special_ids(parts);
  parts.post_processor = template_around(ids, around);
  return Tokenizer(std::move(parts));
}

Tokenizer tokenizer_from_sentencepiece(Bytes bytes, const std::string& source) {
  const SentencePieceModel model = formats::parse_sentencepiece_model(bytes, source);
  return tokenizer_from_sentencepiece_model(model, usual_tokens_around(model));
}

}  // namespace medlar::text
