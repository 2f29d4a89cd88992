#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include "test_files.h"

namespace medlar::formats {
namespace {

using tests::bytes_of_text;
using tests::ByteWriter;
using tests::expect_error;

std::string file_with(const std::string& header, std::size_t data_bytes) {
  return ByteWriter().add<u64>(header.size()).text(header).text(std::string(data_bytes, 'x')).str();
}

SafetensorsFile parse(const std::string& file) {
  return parse_safetensors(bytes_of_text(file), "f");
}

void expect_refused(ErrorCode code, std::string_view part, const std::string& header,
                    std::size_t data = 0) {
  expect_error(code, part, [&] { parse(file_with(header, data)); });
}

const std::string two_tensors =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
    R"("b":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}}  )";

TEST(Safetensors, ReadsTensorsAndMetadata) {
  const std::string file = file_with(two_tensors, 9);
  const SafetensorsFile result = parse(file);
  ASSERT_EQ(result.tensors.size(), 2u);
  const StoredTensor& a = result.tensors.at("a");
  EXPECT_EQ(a.format, QuantFormat::f32);
  EXPECT_EQ(a.shape, Shape({2, 1}));
  EXPECT_EQ(reinterpret_cast<const char*>(a.bytes.data()), file.data() + file.size() - 9);
  EXPECT_EQ(result.tensors.at("b").shape.rank(), 0);
  EXPECT_EQ(result.metadata.at("format"), "pt");
}

TEST(Safetensors, KnowsEveryDtype) {
  const std::pair<const char*, i64> dtypes[] = {
      {"F64", 8},     {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1},
      {"F8_E5M2", 1}, {"I64", 8}, {"I32", 4}, {"I16", 2},  {"I8", 1},
      {"U64", 8},     {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}};
  for (const auto& [name, bytes] : dtypes) {
    const std::string header = fmt::format(
        R"({{"t":{{"dtype":"{}","shape":[3],"data_offsets":[0,{}]}}}})", name, 3 * bytes);
    const std::string file = file_with(header, static_cast<std::size_t>(3 * bytes));
    const SafetensorsFile result = parse(file);
    EXPECT_EQ(safetensors_dtype(result.tensors.at("t").format), name);
  }
  expect_refused(ErrorCode::unsupported, "C64",
                 R"({"t":{"dtype":"C64","shape":[],"data_offsets":[0,8]}})", 8);
}

TEST(Safetensors, RefusesEveryPrefix) {
  tests::expect_every_prefix_refused(file_with(two_tensors, 9),
                                     [](Bytes bytes) { parse_safetensors(bytes, "f"); });
}

TEST(Safetensors, SurvivesChangedBytes) {
  tests::expect_no_crash_with_changed_bytes(file_with(two_tensors, 9),
                                            [](Bytes bytes) { parse_safetensors(bytes, "f"); });
}

TEST(Safetensors, RefusesHeaderSizesThatCannotBe) {
  expect_error(ErrorCode::corrupt_file, "does not fit",
               [] { parse(ByteWriter().add<u64>(1).str()); });
  expect_error(ErrorCode::corrupt_file, "does not fit",
               [] { parse(ByteWriter().add<u64>(~u64{0}).text("{}").str()); });
  expect_error(ErrorCode::corrupt_file, "begin with",
               [] { parse(ByteWriter().add<u64>(0).str()); });
  expect_refused(ErrorCode::corrupt_file, "begin with", " {}");
  expect_refused(ErrorCode::corrupt_file, "not valid JSON", "{}{}");
  expect_error(ErrorCode::limit_exceeded, "header", [] {
    parse(ByteWriter().add<u64>(100'000'001).text(std::string(100'000'001, ' ')).str());
  });
}

TEST(Safetensors, RefusesRangesThatAreNotExact) {
  const auto two = [](i64 begin, i64 end) {
    return fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}},)"
                       R"("b":{{"dtype":"U8","shape":[4],"data_offsets":[{},{}]}}}})",
                       begin, end);
  };
  EXPECT_EQ(parse(file_with(two(4, 8), 8)).tensors.size(), 2u);
  expect_refused(ErrorCode::corrupt_file, "overlap", two(3, 7), 7);
  expect_refused(ErrorCode::corrupt_file, "overlap", two(0, 4), 4);
  expect_refused(ErrorCode::corrupt_file, "belong to no tensor", two(5, 9), 9);
  expect_refused(ErrorCode::corrupt_file, "belong to no tensor", two(4, 8), 9);
  expect_refused(ErrorCode::corrupt_file, "claims bytes", two(4, 8), 7);
  expect_refused(ErrorCode::corrupt_file, "claims bytes", two(8, 4), 8);
  expect_refused(ErrorCode::corrupt_file, "needs 4", two(4, 9), 9);
  expect_refused(ErrorCode::corrupt_file, "belong to no tensor", "{}", 1);
  EXPECT_TRUE(parse(file_with("{}", 0)).tensors.empty());
  EXPECT_TRUE(parse(file_with(R"({"__metadata__":null})", 0)).tensors.empty());
}

TEST(Safetensors, RefusesShapesThatOverflow) {
  const auto shaped = [](std::string_view shape) {
    return fmt::format(R"({{"a":{{"dtype":"F32","shape":{},"data_offsets":[0,4]}}}})", shape);
  };
  expect_refused(ErrorCode::limit_exceeded, "too many", shaped("[4294967296,4294967296]"), 4);
  expect_refused(ErrorCode::limit_exceeded, "too many", shaped("[9223372036854775807]"), 4);
  expect_refused(ErrorCode::corrupt_file, "63 bits", shaped("[18446744073709551615]"), 4);
  expect_refused(ErrorCode::corrupt_file, "a fraction", shaped("[1.0]"), 4);
  expect_refused(ErrorCode::corrupt_file, "negative", shaped("[-1]"), 4);
  expect_refused(ErrorCode::limit_exceeded, "rank", shaped("[1,1,1,1,1,1]"), 4);
  expect_refused(ErrorCode::corrupt_file, "more numbers", shaped("[1,1,1,1,1,1,1]"), 4);
  EXPECT_EQ(parse(file_with(shaped("[1,1,1,1,1]"), 4)).tensors.size(), 1u);
}

TEST(Safetensors, RefusesRepeatedAndMissingKeys) {
  expect_refused(
      ErrorCode::corrupt_file, "twice",
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
      2);
  expect_refused(ErrorCode::corrupt_file, "twice",
                 R"({"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})", 1);
  expect_refused(ErrorCode::corrupt_file, "twice",
                 R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1);
  expect_refused(ErrorCode::corrupt_file, "twice", R"({"__metadata__":{"k":"1","k":"2"}})");
  expect_refused(ErrorCode::corrupt_file, "twice", R"({"__metadata__":{},"__metadata__":{}})");
  expect_refused(ErrorCode::corrupt_file, "lacks", R"({"a":{"dtype":"U8","shape":[1]}})");
  expect_refused(ErrorCode::corrupt_file, "expected 2",
                 R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1);
  expect_refused(ErrorCode::corrupt_file, "no name",
                 R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
}

TEST(Safetensors, RefusesWhatNoHeaderHolds) {
  for (const char* header :
       {R"({"a":1})", R"({"a":[]})", R"({"a":null})", R"({"a":"b"})", R"({"a":{"x":{}}})",
        R"({"a":{"dtype":["F32"]}})", R"({"a":{"shape":[[1]]}})", R"({"a":{"shape":["1"]}})",
        R"({"__metadata__":{"a":1}})", R"({"__metadata__":{"a":{}}})", R"({"a":{"shape":true}})"}) {
    expect_refused(ErrorCode::corrupt_file, "where none may be", header);
  }
  expect_refused(ErrorCode::corrupt_file, "where none may be",
                 R"({"a":)" + std::string(100'000, '['));
  expect_refused(ErrorCode::corrupt_file, "not valid JSON", "{\"\xff\":{}}");
}

TEST(Safetensors, WritesWhatItReads) {
  const tests::TempFolder folder;
  const std::vector<float> floats{1.0f, -2.5f, 3.0f, 0.0f, 5.0f, 6.0f};
  const std::vector<i64> integers{-1, 7};
  const std::string bytes = "abc";
  std::vector<StoredTensor> tensors(3);
  tensors[0] = {"small \"name\"", QuantFormat::u8, Shape({3}), bytes_of_text(bytes), nullptr};
  tensors[1] = {"floats", QuantFormat::f32, Shape({2, 3}), std::as_bytes(std::span(floats)),
                nullptr};
  tensors[2] = {"integers", QuantFormat::i64, Shape({2}), std::as_bytes(std::span(integers)),
                nullptr};
  const std::filesystem::path path = folder.path() / "out.safetensors";
  write_safetensors(path, tensors, {{"made", "by a test"}});
  const std::string file = tests::read_all(path);
  const SafetensorsFile result = parse(file);
  EXPECT_EQ(result.metadata.at("made"), "by a test");
  ASSERT_EQ(result.tensors.size(), 3u);
  for (const StoredTensor& tensor : tensors) {
    const StoredTensor& read = result.tensors.at(tensor.name);
    EXPECT_EQ(read.format, tensor.format);
    EXPECT_EQ(read.shape, tensor.shape);
    EXPECT_TRUE(
        std::equal(read.bytes.begin(), read.bytes.end(), tensor.bytes.begin(), tensor.bytes.end()));
    EXPECT_EQ((reinterpret_cast<const char*>(read.bytes.data()) - file.data()) %
                  layout_of(read.format).block_bytes,
              0);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1)
      << "a temporary file is left";
}

TEST(Safetensors, WriterRefusesBadTensors) {
  const tests::TempFolder folder;
  const std::filesystem::path path = folder.path() / "out.safetensors";
  const StoredTensor good{"a", QuantFormat::u8, Shape({1}), bytes_of_text("x"), nullptr};
  const auto write = [&](std::vector<StoredTensor> tensors) { write_safetensors(path, tensors); };
  expect_error(ErrorCode::invalid_argument, "two tensors", [&] { write({good, good}); });
  StoredTensor bad = good;
  bad.shape = Shape({2});
  expect_error(ErrorCode::invalid_argument, "needs 2", [&] { write({bad}); });
  bad = good;
  bad.name = "__metadata__";
  expect_error(ErrorCode::invalid_argument, "cannot name", [&] { write({bad}); });
  const std::string block(18, 'x');
  expect_error(ErrorCode::unsupported, "Q4_0", [&] {
    write({{"q", QuantFormat::q4_0, Shape({32}), bytes_of_text(block), nullptr}});
  });
  expect_error(ErrorCode::io, "cannot create", [&] {
    write_safetensors(folder.path() / "absent" / "out.safetensors", std::vector{good});
  });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace medlar::formats
