#include "formats/sentencepiece_model.h"

#include <cmath>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/protobuf_wire.h"

namespace medlar::formats {
namespace {

constexpr i64 max_pieces = i64{1} << 22;

SentencePiece parse_piece(WireReader message, i64 id) {
  SentencePiece piece;
  while (const auto field = message.next()) {
    switch (field->number) {
      case 1:
        piece.text = message.text(*field, "piece text");
        break;
      case 2:
        piece.score = message.number(*field, "piece score");
        break;
      case 3: {
        const i64 type = message.integer(*field, "piece type");
        if (type < 1 || type > 6) {
          fail(ErrorCode::corrupt_file, "{}: piece {} has the type {}, expected 1 to 6",
               message.source(), id, type);
        }
        piece.type = static_cast<PieceType>(type);
        break;
      }
      default:
        break;  // extensions carry nothing that encoding needs
    }
  }
  if (piece.text.empty()) {
    fail(ErrorCode::corrupt_file, "{}: piece {} is empty", message.source(), id);
  }
  if (std::isnan(piece.score)) {
    fail(ErrorCode::corrupt_file, "{}: the score of piece {} is not a number", message.source(),
         id);
  }
  return piece;
}

/// An id of a special piece: absent (any negative number) or an int32.
i64 parse_id(const WireReader& message, const WireField& field, std::string_view what) {
  const i64 id = message.integer(field, what);
  if (id > INT32_MAX) {
    fail(ErrorCode::corrupt_file, "{}: {} of {} is out of range", message.source(), what, id);
  }
  return id < 0 ? -1 : id;
}

void parse_trainer(WireReader message, SentencePieceModel& model) {
  while (const auto field = message.next()) {
    switch (field->number) {
      case 3: {
        const i64 type = message.integer(*field, "model_type");
        if (type < 1 || type > 4) {
          fail(ErrorCode::corrupt_file, "{}: model_type {}, expected 1 to 4", message.source(),
               type);
        }
        model.algorithm = static_cast<SentencePieceModel::Algorithm>(type);
        break;
      }
      case 4:
        model.vocab_size = message.integer(*field, "vocab_size");
        break;
      case 24:
        model.treat_whitespace_as_suffix = message.flag(*field, "treat_whitespace_as_suffix");
        break;
      case 35:
        model.byte_fallback = message.flag(*field, "byte_fallback");
        break;
      case 40:
        model.unk_id = parse_id(message, *field, "unk_id");
        break;
      case 41:
        model.bos_id = parse_id(message, *field, "bos_id");
        break;
      case 42:
        model.eos_id = parse_id(message, *field, "eos_id");
        break;
      case 43:
        model.pad_id = parse_id(message, *field, "pad_id");
        break;
      case 44:
        model.unk_surface = message.text(*field, "unk_surface");
        break;
      case 45:
        model.unk_piece = message.text(*field, "unk_piece");
        break;
      case 46:
        model.bos_piece = message.text(*field, "bos_piece");
        break;
      case 47:
        model.eos_piece = message.text(*field, "eos_piece");
        break;
      case 48:
        model.pad_piece = message.text(*field, "pad_piece");
        break;
      default:
        break;  // how the model was trained
    }
  }
}

SentencePieceNormalizer parse_normalizer(WireReader message) {
  SentencePieceNormalizer normalizer;
  while (const auto field = message.next()) {
    switch (field->number) {
      case 1:
        normalizer.name = message.text(*field, "normalizer name");
        break;
      case 2:
        normalizer.precompiled_charsmap = message.text(*field, "precompiled_charsmap");
        break;
      case 3:
        normalizer.add_dummy_prefix = message.flag(*field, "add_dummy_prefix");
        break;
      case 4:
        normalizer.remove_extra_whitespaces = message.flag(*field, "remove_extra_whitespaces");
        break;
      case 5:
        normalizer.escape_whitespaces = message.flag(*field, "escape_whitespaces");
        break;
      default:
        break;  // the rules in text form; the charsmap is their compiled form
    }
  }
  return normalizer;
}

}  // namespace

SentencePieceModel parse_sentencepiece_model(Bytes bytes, const std::string& source) {
  SentencePieceModel model;
  WireReader message(bytes, source);
  while (const auto field = message.next()) {
    switch (field->number) {
      case 1: {
        const i64 id = ssize_of(model.pieces);
        if (id >= max_pieces) {
          fail(ErrorCode::limit_exceeded, "{}: more than {} pieces", source, max_pieces);
        }
        message.bytes(*field, "piece");
        model.pieces.push_back(parse_piece(WireReader(*field, source), id));
        break;
      }
      case 2:
        message.bytes(*field, "trainer_spec");
        parse_trainer(WireReader(*field, source), model);
        break;
      case 3:
        message.bytes(*field, "normalizer_spec");
        model.normalizer = parse_normalizer(WireReader(*field, source));
        break;
      case 5:
        message.bytes(*field, "denormalizer_spec");
        model.denormalizer = parse_normalizer(WireReader(*field, source));
        model.has_denormalizer = true;
        break;
      default:
        break;  // self-test samples and extensions
    }
  }
  if (model.pieces.empty()) {
    fail(ErrorCode::corrupt_file, "{}: holds no pieces, so it is not a SentencePiece model",
         source);
  }
  return model;
}

SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  return parse_sentencepiece_model(file->bytes(), path.string());
}

}  // namespace medlar::formats
