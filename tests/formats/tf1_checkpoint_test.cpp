#include "formats/tf1_checkpoint.h"

#include <gtest/gtest.h>

#include "formats/crc32c.h"
#include "test_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;
using tests::ByteWriter;
using tests::expect_error;

std::string varint(u64 value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text.push_back(static_cast<char>(value | 0x80));
  text.push_back(static_cast<char>(value));
  return text;
}

std::string field(u64 number, u64 value) { return varint(number << 3) + varint(value); }
std::string field(u64 number, const std::string& value) {
  return varint(number << 3 | 2) + varint(value.size()) + value;
}
std::string fixed(u64 number, u32 value) {
  return varint(number << 3 | 5) + ByteWriter().add<u32>(value).str();
}

struct Pair {
  std::string key;
  std::string value;
  u64 shared = 0;  ///< bytes of the key taken from the key before
};

std::string block_of(const std::vector<Pair>& pairs) {
  std::string block;
  for (const Pair& pair : pairs) {
    block +=
        varint(pair.shared) + varint(pair.key.size() - pair.shared) + varint(pair.value.size());
    block += pair.key.substr(pair.shared) + pair.value;
  }
  return block + ByteWriter().add<u32>(0).add<u32>(1).str();
}

struct TableOptions {
  char compression = 0;
  u32 crc_change = 0;
  bool names_block_twice = false;
};

std::string table_of(const std::vector<Pair>& pairs, const TableOptions& options = {}) {
  ByteWriter file;
  const auto add_block = [&](const std::string& block) {
    const std::string handle = varint(file.str().size()) + varint(block.size());
    const std::string covered = block + options.compression;
    file.text(covered).add<u32>(masked_crc32c(crc32c(bytes_of_text(covered))) + options.crc_change);
    return handle;
  };
  const std::string data = add_block(block_of(pairs));
  const std::string meta = add_block(block_of({}));
  std::vector<Pair> index{{"z", data}};
  if (options.names_block_twice) index.push_back({"zz", data});
  std::string footer = meta + add_block(block_of(index));
  footer.resize(40, '\0');
  return file.text(footer).add<u64>(0xdb4775248b80fb57).str();
}

const std::string data_bytes = tests::ByteWriter().add<float>(1).add<float>(2).add<i64>(-7).str();

std::string shape(const std::vector<u64>& dims) {
  std::string text;
  for (const u64 dim : dims) text += field(2, field(1, dim));
  return text;
}

std::string entry(u64 dtype, const std::vector<u64>& dims, u64 offset, u64 size) {
  const std::string_view covered = offset <= data_bytes.size() && offset + size <= data_bytes.size()
                                       ? std::string_view(data_bytes).substr(offset, size)
                                       : std::string_view();
  return field(1, dtype) + field(2, shape(dims)) + field(4, offset) + field(5, size) +
         fixed(6, masked_crc32c(crc32c(bytes_of_text(covered))));
}

const Pair header{"", field(1, u64{1}) + field(3, field(1, u64{1}))};

std::map<std::string, StoredTensor, std::less<>> parse(const std::string& table) {
  const Tf1Index index = parse_tf1_index(bytes_of_text(table), "f.index");
  const std::vector<Tf1Shard> shards(static_cast<std::size_t>(index.shard_count),
                                     {bytes_of_text(data_bytes), nullptr, "f.data"});
  return tf1_tensors(index, shards);
}

std::vector<Pair> good_pairs() {
  return {header,
          {"bert/a", entry(1, {2}, 0, 8)},
          {"bert/b", entry(9, {}, 8, 8), 5},
          {"graph", entry(7, {}, 0, 3)}};
}

TEST(Crc32c, AgreesWithTheStandard) {
  EXPECT_EQ(crc32c(bytes_of_text(std::string(32, '\0'))), 0x8a9136aau);  // RFC 3720 B.4
  EXPECT_EQ(crc32c(bytes_of_text(std::string(32, '\xff'))), 0x62a8ab43u);
  EXPECT_EQ(crc32c(bytes_of_text("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(bytes_of_text("56789"), crc32c(bytes_of_text("1234"))), 0xe3069283u);
}

TEST(Tf1Checkpoint, ReadsTensorsAndSkipsStrings) {
  const auto tensors = parse(table_of(good_pairs()));
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors.at("bert/a").shape, Shape({2}));
  EXPECT_EQ(tensors.at("bert/b").format, QuantFormat::i64);
  EXPECT_EQ(tensors.at("bert/b").bytes.data(), bytes_of_text(data_bytes).data() + 8);
}

TEST(Tf1Checkpoint, RefusesEveryPrefixAndSurvivesChanges) {
  tests::expect_every_prefix_refused(table_of(good_pairs()),
                                     [](Bytes bytes) { parse_tf1_index(bytes, "f"); });
  tests::expect_no_crash_with_changed_bytes(table_of(good_pairs()),
                                            [](Bytes bytes) { parse_tf1_index(bytes, "f"); });
}

TEST(Tf1Checkpoint, RefusesBrokenTables) {
  const auto refuse = [](ErrorCode code, std::string_view part, const std::vector<Pair>& pairs,
                         const TableOptions& options = {}) {
    expect_error(code, part, [&] { parse(table_of(pairs, options)); });
  };
  refuse(ErrorCode::unsupported, "snappy", good_pairs(), {.compression = 1});
  refuse(ErrorCode::corrupt_file, "compression type 2", good_pairs(), {.compression = 2});
  refuse(ErrorCode::corrupt_file, "CRC of the block", good_pairs(), {.crc_change = 1});
  refuse(ErrorCode::corrupt_file, "overlaps", good_pairs(), {.names_block_twice = true});
  refuse(ErrorCode::corrupt_file, "do not rise",
         {header, {"b", entry(1, {2}, 0, 8)}, {"b", entry(1, {2}, 0, 8)}});
  refuse(ErrorCode::corrupt_file, "without a header", {{"b", entry(1, {2}, 0, 8)}});
  refuse(ErrorCode::corrupt_file, "no header", {});
  refuse(ErrorCode::limit_exceeded, "key of 513",
         {header, {std::string(513, 'k'), entry(1, {2}, 0, 8)}});
  refuse(ErrorCode::unsupported, "big-endian", {{"", field(1, u64{1}) + field(2, u64{1})}});
  refuse(ErrorCode::corrupt_file, "0 shards", {{"", ""}});
  refuse(ErrorCode::corrupt_file, "shards", {{"", field(1, ~u64{0})}});
}

TEST(Tf1Checkpoint, RefusesBadEntries) {
  const auto refuse = [](ErrorCode code, std::string_view part, const std::string& value) {
    expect_error(code, part, [&] { parse(table_of({header, {"t", value}})); });
  };
  refuse(ErrorCode::unsupported, "dtype 8", entry(8, {1}, 0, 8));
  refuse(ErrorCode::corrupt_file, "needs 12", entry(1, {3}, 0, 8));
  refuse(ErrorCode::corrupt_file, "claims", entry(1, {3}, 8, 12));
  refuse(ErrorCode::corrupt_file, "offset", entry(1, {2}, ~u64{0}, 8));
  refuse(ErrorCode::corrupt_file, "axis of -1", entry(1, {~u64{0}}, 0, 8));
  refuse(ErrorCode::limit_exceeded, "too many", entry(1, {u64{1} << 40, u64{1} << 40}, 0, 8));
  refuse(ErrorCode::limit_exceeded, "rank", entry(1, {1, 1, 1, 1, 1, 2}, 0, 8));
  refuse(ErrorCode::corrupt_file, "shard 1 of 1", entry(1, {2}, 0, 8) + field(3, u64{1}));
  refuse(ErrorCode::unsupported, "slices", entry(1, {2}, 0, 8) + field(7, std::string()));
  refuse(ErrorCode::corrupt_file, "CRC of tensor", entry(1, {2}, 0, 8) + fixed(6, 1));
  expect_error(ErrorCode::corrupt_file, "overlap", [] {
    parse(table_of({header, {"a", entry(1, {2}, 0, 8)}, {"b", entry(1, {2}, 4, 8)}}));
  });
}

TEST(Tf1Checkpoint, TheLatestPrefixIsAPlainName) {
  EXPECT_EQ(
      tf1_latest_prefix(
          "model_checkpoint_path: \"model.ckpt-1\"\nall_model_checkpoint_paths: \"x\"\n", "f"),
      "model.ckpt-1");
  EXPECT_EQ(tf1_latest_prefix("model_checkpoint_path: \"/home/me/model.ckpt\"", "f"), "model.ckpt");
  for (const char* text :
       {"", "model_checkpoint_path:", "model_checkpoint_path: \"open", "other: \"x\""}) {
    expect_error(ErrorCode::corrupt_file, "model_checkpoint_path",
                 [&] { tf1_latest_prefix(text, "f"); });
  }
}

}  // namespace
}  // namespace medlar::formats
