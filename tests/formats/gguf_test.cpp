#include "formats/gguf.h"

#include <gtest/gtest.h>

#include <functional>

#include "test_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;
using tests::ByteWriter;
using tests::expect_error;

GgufFile parse(const std::string& file) { return parse_gguf(bytes_of_text(file), "f"); }

void expect_refused(ErrorCode code, std::string_view part, const std::string& file) {
  expect_error(code, part, [&] { parse(file); });
}

/// Header, the given key-values and tensors, padding, data.
struct Builder {
  u32 version = 3;
  u64 tensor_count = 0;
  u64 key_count = 0;
  ByteWriter keys;
  ByteWriter infos;
  std::size_t alignment = 32;
  std::string data;

  ByteWriter& key(std::string_view name, u32 type) {
    ++key_count;
    return keys.string(name).add<u32>(type);
  }
  Builder& tensor(std::string_view name, std::vector<u64> dims, u32 type, u64 offset) {
    ++tensor_count;
    infos.string(name).add<u32>(static_cast<u32>(dims.size()));
    for (const u64 dim : dims) infos.add<u64>(dim);
    infos.add<u32>(type).add<u64>(offset);
    return *this;
  }
  std::string build() const {
    return ByteWriter()
        .text("GGUF")
        .add<u32>(version)
        .add<u64>(tensor_count)
        .add<u64>(key_count)
        .text(keys.str())
        .text(infos.str())
        .pad_to(alignment)
        .text(data)
        .str();
  }
};

Builder small_file() {
  Builder builder;
  builder.key("u8", 0).add<u8>(200);
  builder.key("i8", 1).add<i8>(-3);
  builder.key("u16", 2).add<u16>(60000);
  builder.key("i16", 3).add<i16>(-300);
  builder.key("u32", 4).add<u32>(4000000000u);
  builder.key("i32", 5).add<i32>(-5);
  builder.key("f32", 6).add<float>(0.5f);
  builder.key("bool", 7).add<u8>(1);
  builder.key("string", 8).string("caf\xc3\xa9");
  builder.key("u64", 10).add<u64>(~u64{0});
  builder.key("i64", 11).add<i64>(-6);
  builder.key("f64", 12).add<double>(0.25);
  builder.key("list", 9).add<u32>(8).add<u64>(2).string("a").string("");
  builder.key("nested", 9)
      .add<u32>(9)
      .add<u64>(2)
      .add<u32>(4)
      .add<u64>(1)
      .add<u32>(7)
      .add<u32>(7)
      .add<u64>(0);
  builder.tensor("f", {3, 2}, 0, 0).tensor("q", {32, 2}, 2, 32);
  builder.data = std::string(32 + 36, 'd');
  return builder;
}

TEST(Gguf, ReadsEveryValueTypeAndTensors) {
  for (const u32 version : {2u, 3u}) {
    Builder builder = small_file();
    builder.version = version;
    const std::string file = builder.build();
    const GgufFile result = parse(file);
    EXPECT_EQ(
        result.metadata.dump(),
        R"({"u8":200,"i8":-3,"u16":60000,"i16":-300,"u32":4000000000,"i32":-5,"f32":0.5,"bool":true,)"
        R"("string":"café","u64":18446744073709551615,"i64":-6,"f64":0.25,"list":["a",""],"nested":[[7],[]]})");
    ASSERT_EQ(result.tensors.size(), 2u);
    const StoredTensor& f = result.tensors.at("f");
    EXPECT_EQ(f.shape, Shape({2, 3}));
    EXPECT_EQ(f.bytes.size(), 24u);
    const StoredTensor& q = result.tensors.at("q");
    EXPECT_EQ(q.format, QuantFormat::q4_0);
    EXPECT_EQ(q.shape, Shape({2, 32}));
    EXPECT_EQ(reinterpret_cast<const char*>(q.bytes.data()), file.data() + file.size() - 36);
  }
}

TEST(Gguf, RefusesEveryPrefix) {
  tests::expect_every_prefix_refused(small_file().build(),
                                     [](Bytes bytes) { parse_gguf(bytes, "f"); });
}

TEST(Gguf, SurvivesChangedBytes) {
  tests::expect_no_crash_with_changed_bytes(small_file().build(),
                                            [](Bytes bytes) { parse_gguf(bytes, "f"); });
}

TEST(Gguf, RefusesOtherVersionsAndCounts) {
  Builder builder;
  builder.version = 1;
  expect_refused(ErrorCode::unsupported, "version 1", builder.build());
  builder.version = 0x03000000;
  expect_refused(ErrorCode::unsupported, "big-endian", builder.build());
  builder.version = 3;
  builder.tensor_count = ~u64{0};
  expect_refused(ErrorCode::corrupt_file, "tensor count", builder.build());
  builder.tensor_count = 0;
  builder.key_count = u64{1} << 60;
  expect_refused(ErrorCode::corrupt_file, "key count", builder.build());
  expect_refused(ErrorCode::corrupt_file, "GGUF", "GGML" + std::string(40, '\0'));
}

TEST(Gguf, RefusesBadMetadata) {
  const auto with_key = [](const std::function<void(Builder&)>& add) {
    Builder builder;
    add(builder);
    builder.data = std::string(64, '\0');
    return builder.build();
  };
  expect_refused(ErrorCode::corrupt_file, "twice", with_key([](Builder& b) {
                   b.key("a", 0).add<u8>(1);
                   b.key("a", 0).add<u8>(1);
                 }));
  expect_refused(ErrorCode::corrupt_file, "empty",
                 with_key([](Builder& b) { b.key("", 0).add<u8>(1); }));
  expect_refused(ErrorCode::corrupt_file, "value type 13",
                 with_key([](Builder& b) { b.key("a", 13); }));
  expect_refused(ErrorCode::corrupt_file, "boolean",
                 with_key([](Builder& b) { b.key("a", 7).add<u8>(2); }));
  expect_refused(ErrorCode::corrupt_file, "UTF-8",
                 with_key([](Builder& b) { b.key("a", 8).string("\xed\xa0\x80"); }));
  expect_refused(ErrorCode::corrupt_file, "string of",
                 with_key([](Builder& b) { b.key("a", 8).add<u64>(~u64{0}); }));
  expect_refused(ErrorCode::corrupt_file, "array length",
                 with_key([](Builder& b) { b.key("a", 9).add<u32>(0).add<u64>(u64{1} << 40); }));
  expect_refused(ErrorCode::limit_exceeded, "nested", with_key([](Builder& b) {
                   ByteWriter& keys = b.key("a", 9);
                   for (int depth = 0; depth < 100; ++depth) keys.add<u32>(9).add<u64>(1);
                 }));
}

TEST(Gguf, RefusesTooManyValuesBeforeStoringThem) {
  Builder builder;
  builder.key("a", 9).add<u32>(0).add<u64>(u64{1} << 25).text(std::string(1 << 25, 'x'));
  expect_refused(ErrorCode::limit_exceeded, "values", builder.build());
}

TEST(Gguf, ChecksTheAlignment) {
  Builder builder;
  builder.key("general.alignment", 4).add<u32>(64);
  builder.alignment = 64;
  builder.tensor("a", {1}, 0, 0).tensor("b", {1}, 0, 64);
  builder.data = std::string(68, 'd');
  EXPECT_EQ(parse(builder.build()).tensors.at("b").bytes.size(), 4u);
  builder.tensor("c", {1}, 0, 32);
  expect_refused(ErrorCode::corrupt_file, "multiple of 64", builder.build());
  for (const u32 alignment : {0u, 3u, 131072u}) {
    Builder bad;
    bad.key("general.alignment", 4).add<u32>(alignment);
    expect_refused(ErrorCode::corrupt_file, "power of two", bad.build());
  }
  Builder text;
  text.key("general.alignment", 8).string("32");
  expect_refused(ErrorCode::corrupt_file, "power of two", text.build());
}

TEST(Gguf, RefusesBadTensors) {
  const auto with = [](std::vector<u64> dims, u32 type, u64 offset) {
    Builder builder;
    builder.tensor("a", {8}, 0, 0).tensor("t", std::move(dims), type, offset);
    builder.data = std::string(64, 'd');
    return builder.build();
  };
  EXPECT_EQ(parse(with({8}, 0, 32)).tensors.size(), 2u);
  EXPECT_EQ(parse(with({0}, 0, 0)).tensors.size(), 2u) << "an empty tensor overlaps nothing";
  expect_refused(ErrorCode::corrupt_file, "overlap", with({8}, 0, 0));
  expect_refused(ErrorCode::corrupt_file, "claims", with({9}, 0, 32));
  expect_refused(ErrorCode::corrupt_file, "offset", with({1}, 0, 16));
  expect_refused(ErrorCode::corrupt_file, "offset", with({1}, 0, ~u64{31}));
  expect_refused(ErrorCode::corrupt_file, "rank 0", with({}, 0, 32));
  expect_refused(ErrorCode::limit_exceeded, "rank 6", with({1, 1, 1, 1, 1, 1}, 0, 32));
  expect_refused(ErrorCode::corrupt_file, "axis", with({~u64{0}}, 0, 32));
  expect_refused(ErrorCode::limit_exceeded, "too many", with({u64{1} << 32, u64{1} << 32}, 0, 32));
  expect_refused(ErrorCode::limit_exceeded, "too many", with({u64{1} << 62}, 0, 32));
  expect_refused(ErrorCode::corrupt_file, "multiple of 32", with({31}, 2, 32));
  expect_refused(ErrorCode::unsupported, "Q4_2", with({32}, 4, 32));
  expect_refused(ErrorCode::unsupported, "Q4_0_8_8", with({32}, 33, 32));
  expect_refused(ErrorCode::unsupported, "type 999", with({32}, 999, 32));
  Builder twice;
  twice.tensor("a", {8}, 0, 0).tensor("a", {8}, 0, 32);
  twice.data = std::string(64, 'd');
  expect_refused(ErrorCode::corrupt_file, "twice", twice.build());
}

TEST(Gguf, ReadsTheSplitKeys) {
  const Json good = {{"split.no", 1}, {"split.count", 3}, {"split.tensors.count", 20}};
  const GgufSplit split = gguf_split(good, "f");
  EXPECT_EQ(split.number, 1);
  EXPECT_EQ(split.count, 3);
  EXPECT_EQ(split.tensor_count, 20);
  EXPECT_EQ(gguf_split(Json::object(), "f").count, 1);
  for (const Json& bad : {Json{{"split.no", 3}, {"split.count", 3}}, Json{{"split.count", -1}},
                          Json{{"split.count", "2"}}, Json{{"split.count", 100000}}}) {
    expect_error(ErrorCode::corrupt_file, "", [&] { gguf_split(bad, "f"); });
  }
}

}  // namespace
}  // namespace medlar::formats
