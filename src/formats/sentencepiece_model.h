#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/types.h"

namespace medlar::formats {

/// What a piece stands for; the values are the file's.
enum class PieceType {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6
};

/// One entry of the vocabulary; its place in the list is its id.
struct SentencePiece {
  std::string
      text;  ///< UTF-8 with U+2581 for spaces, "<0x41>" for the byte type; not checked for UTF-8
  float score = 0;  ///< log probability (unigram) or minus the merge rank (bpe)
  PieceType type = PieceType::normal;
};

/// How text is made uniform before (or after) segmentation.
struct SentencePieceNormalizer {
  std::string name;  ///< e.g. "nmt_nfkc", "identity"
  std::string
      precompiled_charsmap;  ///< u32 bytes of the double-array trie, the trie, the replacements
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

/// A SentencePiece .model file; fields that the file leaves out hold the format's defaults.
/// Source: google/sentencepiece src/sentencepiece_model.proto.
struct SentencePieceModel {
  enum class Algorithm { unigram = 1, bpe = 2, word = 3, character = 4 };

  std::vector<SentencePiece> pieces;

  Algorithm algorithm = Algorithm::unigram;
  i64 vocab_size = 8000;  ///< as trained; pieces.size() is what the file holds
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;
  i64 unk_id = 0;  ///< -1 where a special piece is absent
  i64 bos_id = 1;
  i64 eos_id = 2;
  i64 pad_id = -1;
  std::string unk_surface = " \xE2\x81\x87 ";  ///< what decoding prints for the unknown piece
  std::string unk_piece = "<unk>";
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";
  std::string pad_piece = "<pad>";

  SentencePieceNormalizer normalizer;
  SentencePieceNormalizer denormalizer;
  bool has_denormalizer = false;
};

/// Parses the bytes of a .model file. Throws corrupt_file, and limit_exceeded over 4,194,304
/// pieces.
SentencePieceModel parse_sentencepiece_model(Bytes bytes, const std::string& source);

/// Maps and parses a .model file. Throws as parse_sentencepiece_model and MappedFile::open do.
SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path);

}  // namespace medlar::formats
