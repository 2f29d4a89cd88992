#include "formats/sentencepiece_model.h"

#include <gtest/gtest.h>

#include "test_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;
using tests::expect_error;

/// Writes fields of the protocol-buffer wire format.
class ProtoWriter {
 public:
  ProtoWriter& varint(u64 value) {
    for (; value >= 0x80; value >>= 7) text_.push_back(static_cast<char>(value | 0x80));
    text_.push_back(static_cast<char>(value));
    return *this;
  }
  ProtoWriter& integer(u64 field, i64 value) {
    return varint(field << 3).varint(static_cast<u64>(value));
  }
  ProtoWriter& text(u64 field, std::string_view value) {
    varint(field << 3 | 2).varint(value.size());
    text_ += value;
    return *this;
  }
  ProtoWriter& number(u64 field, float value) {
    varint(field << 3 | 5);
    text_ += tests::ByteWriter().add<float>(value).str();
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

std::string piece(std::string_view text, float score, i64 type) {
  return ProtoWriter().text(1, text).number(2, score).integer(3, type).str();
}

SentencePieceModel parse(const std::string& file) {
  return parse_sentencepiece_model(bytes_of_text(file), "f");
}

std::string full_model() {
  const std::string trainer = ProtoWriter()
                                  .integer(3, 2)
                                  .integer(4, 3)
                                  .integer(24, 1)
                                  .integer(35, 1)
                                  .integer(40, 2)
                                  .integer(41, 0)
                                  .integer(42, -1)
                                  .integer(43, 1)
                                  .text(44, "?")
                                  .text(45, "[UNK]")
                                  .str();
  const std::string normalizer =
      ProtoWriter().text(1, "nmt").text(2, "map").integer(3, 0).integer(4, 0).integer(5, 0).str();
  return ProtoWriter()
      .text(1, piece("a", -1.5f, 1))
      .text(1, piece("b", 0, 3))
      .text(1, piece("<0x41>", 0, 6))
      .text(2, trainer)
      .text(3, normalizer)
      .text(5, ProtoWriter().text(1, "de").str())
      .str();
}

TEST(SentencePieceModel, ReadsEveryField) {
  const SentencePieceModel model = parse(full_model());
  ASSERT_EQ(model.pieces.size(), 3u);
  EXPECT_EQ(model.pieces[0].text, "a");
  EXPECT_EQ(model.pieces[0].score, -1.5f);
  EXPECT_EQ(model.pieces[1].type, PieceType::control);
  EXPECT_EQ(model.pieces[2].type, PieceType::byte);
  EXPECT_EQ(model.algorithm, SentencePieceModel::Algorithm::bpe);
  EXPECT_TRUE(model.byte_fallback);
  EXPECT_TRUE(model.treat_whitespace_as_suffix);
  EXPECT_EQ(model.unk_id, 2);
  EXPECT_EQ(model.bos_id, 0);
  EXPECT_EQ(model.eos_id, -1);
  EXPECT_EQ(model.pad_id, 1);
  EXPECT_EQ(model.unk_surface, "?");
  EXPECT_EQ(model.unk_piece, "[UNK]");
  EXPECT_EQ(model.normalizer.name, "nmt");
  EXPECT_EQ(model.normalizer.precompiled_charsmap, "map");
  EXPECT_FALSE(model.normalizer.add_dummy_prefix);
  EXPECT_FALSE(model.normalizer.remove_extra_whitespaces);
  EXPECT_FALSE(model.normalizer.escape_whitespaces);
  EXPECT_TRUE(model.has_denormalizer);
  EXPECT_EQ(model.denormalizer.name, "de");
}

TEST(SentencePieceModel, AbsentFieldsHaveTheirDefaults) {
  const SentencePieceModel model =
      parse(ProtoWriter().text(1, ProtoWriter().text(1, "x").str()).integer(200, 7).str());
  EXPECT_EQ(model.pieces[0].type, PieceType::normal);
  EXPECT_EQ(model.algorithm, SentencePieceModel::Algorithm::unigram);
  EXPECT_EQ(model.unk_id, 0);
  EXPECT_EQ(model.pad_id, -1);
  EXPECT_EQ(model.unk_surface, " \xE2\x81\x87 ");
  EXPECT_TRUE(model.normalizer.add_dummy_prefix);
  EXPECT_FALSE(model.has_denormalizer);
}

TEST(SentencePieceModel, RefusesWhatIsNoModel) {
  expect_error(ErrorCode::corrupt_file, "no pieces", [] { parse(""); });
  expect_error(ErrorCode::corrupt_file, "is empty", [] { parse(ProtoWriter().text(1, "").str()); });
  expect_error(ErrorCode::corrupt_file, "type 9",
               [] { parse(ProtoWriter().text(1, piece("a", 0, 9)).str()); });
  expect_error(ErrorCode::corrupt_file, "type 0",
               [] { parse(ProtoWriter().text(1, piece("a", 0, 0)).str()); });
  expect_error(ErrorCode::corrupt_file, "not a number",
               [] { parse(ProtoWriter().text(1, piece("a", std::nanf(""), 1)).str()); });
  expect_error(ErrorCode::corrupt_file, "model_type",
               [] { parse(ProtoWriter().text(2, ProtoWriter().integer(3, 5).str()).str()); });
  expect_error(ErrorCode::corrupt_file, "unk_id", [] {
    parse(ProtoWriter().text(2, ProtoWriter().integer(40, i64{1} << 40).str()).str());
  });
  expect_error(ErrorCode::corrupt_file, "wire kind",
               [] { parse(ProtoWriter().integer(1, 5).str()); });
  expect_error(ErrorCode::corrupt_file, "does not fit", [] { parse("\x0a\x7f"); });
  expect_error(ErrorCode::corrupt_file, "64 bits",
               [] { parse("\x08" + std::string(10, '\xff') + "\x01"); });
  expect_error(ErrorCode::corrupt_file, "wire type 3", [] { parse("\x0b"); });
  expect_error(ErrorCode::corrupt_file, "field number 0",
               [] { parse(std::string("\x00\x00", 2)); });
}

TEST(SentencePieceModel, SurvivesEveryCutAndChange) {
  const std::string file = full_model();
  for (std::size_t size = 0; size < file.size(); ++size) {
    try {
      parse(file.substr(0, size));  // a cut between two fields leaves a valid message
    } catch (const Error&) {
      // what a cut file may do
    }
  }
  tests::expect_no_crash_with_changed_bytes(
      file, [](Bytes bytes) { parse_sentencepiece_model(bytes, "f"); });
}

}  // namespace
}  // namespace medlar::formats
