#include "formats/checkpoint.h"

#include <gtest/gtest.h>

#include "formats/safetensors.h"
#include "formats/shard_index.h"
#include "test_files.h"

namespace medlar::formats {
namespace {

using tests::ByteWriter;
using tests::expect_error;
using tests::TempFolder;

std::string safetensors_of(const std::vector<std::string>& names) {
  std::string header = "{";
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})",
                          i == 0 ? "" : ",", names[i], i, i + 1);
  }
  header += "}";
  return ByteWriter()
      .add<u64>(header.size())
      .text(header)
      .text(std::string(names.size(), 'd'))
      .str();
}

/// A GGUF shard that holds one tensor.
std::string gguf_shard(u16 number, u16 count, i32 tensors, std::string_view name) {
  return ByteWriter()
      .text("GGUF")
      .add<u32>(3)
      .add<u64>(1)
      .add<u64>(3)
      .string("split.no")
      .add<u32>(2)
      .add<u16>(number)
      .string("split.count")
      .add<u32>(2)
      .add<u16>(count)
      .string("split.tensors.count")
      .add<u32>(5)
      .add<i32>(tensors)
      .string(name)
      .add<u32>(1)
      .add<u64>(1)
      .add<u32>(24)
      .add<u64>(0)
      .pad_to(32)
      .text("d")
      .str();
}

TEST(OpenCheckpoint, AFolderWithoutOneSaysWhatWasLookedFor) {
  const TempFolder folder;
  folder.write("config.json", "{}");
  expect_error(ErrorCode::not_found, "model.safetensors", [&] { open_checkpoint(folder.path()); });
  expect_error(ErrorCode::not_found, "absent", [&] { open_checkpoint(folder.path() / "absent"); });
}

TEST(OpenCheckpoint, SafetensorsComeFirstAndConfigsAreRead) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type":"bert"})");
  folder.write("generation_config.json", R"({"eos_token_id":2})");
  folder.write("pytorch_model.bin", "not read");
  folder.write("model.gguf", "not read");
  folder.write("model.safetensors", safetensors_of({"a"}));
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(checkpoint.container, Container::huggingface);
  EXPECT_EQ(checkpoint.path, folder.path());
  EXPECT_EQ(checkpoint.config.at("model_type"), "bert");
  EXPECT_EQ(checkpoint.generation_config.at("eos_token_id"), 2);
  EXPECT_EQ(checkpoint.at("a").bytes.size(), 1u);
  EXPECT_EQ(checkpoint.find("b"), nullptr);
  expect_error(ErrorCode::not_found, "'b'", [&] { checkpoint.at("b"); });
  EXPECT_EQ(open_checkpoint(folder.path() / "model.safetensors").config.at("model_type"), "bert");
}

TEST(OpenCheckpoint, TensorsOutliveTheCheckpoint) {
  const TempFolder folder;
  folder.write("model.safetensors", safetensors_of({"a"}));
  const StoredTensor tensor = open_checkpoint(folder.path()).at("a");
  EXPECT_EQ(tensor.bytes[0], std::byte{'d'});
}

TEST(OpenCheckpoint, ShardsMustAgreeWithTheIndex) {
  const TempFolder folder;
  folder.write("x.safetensors", safetensors_of({"a", "b"}));
  folder.write("y.safetensors", safetensors_of({"c"}));
  const auto open_with = [&](const std::string& map) {
    folder.write("model.safetensors.index.json", R"({"metadata":{},"weight_map":)" + map + "}");
    return open_checkpoint(folder.path());
  };
  EXPECT_EQ(
      open_with(R"({"a":"x.safetensors","b":"x.safetensors","c":"y.safetensors"})").tensors.size(),
      3u);
  expect_error(ErrorCode::corrupt_file, "'b'",
               [&] { open_with(R"({"a":"x.safetensors","c":"y.safetensors"})"); });
  expect_error(ErrorCode::corrupt_file, "'d' is not in",
               [&] { open_with(R"({"d":"y.safetensors","c":"y.safetensors"})"); });
  expect_error(ErrorCode::not_found, "z.safetensors",
               [&] { open_with(R"({"a":"z.safetensors"})"); });
  for (const char* name :
       {"../x.safetensors", "/etc/passwd", "sub/x", "..", "", ".hidden", "a\\\\b", "x\\u0000"}) {
    expect_error(ErrorCode::corrupt_file, "not the name of a file",
                 [&] { open_with(fmt::format(R"({{"a":"{}"}})", name)); });
  }
}

TEST(OpenCheckpoint, IndexFilesAreChecked) {
  const auto refuse = [](ErrorCode code, std::string_view part, const std::string& text) {
    expect_error(code, part, [&] { parse_shard_index(text, "f"); });
  };
  refuse(ErrorCode::corrupt_file, "twice", R"({"weight_map":{"a":"x","a":"y"}})");
  refuse(ErrorCode::corrupt_file, "weight_map", "[]");
  refuse(ErrorCode::corrupt_file, "weight_map", "{}");
  refuse(ErrorCode::corrupt_file, "weight_map", R"({"weight_map":[]})");
  refuse(ErrorCode::corrupt_file, "weight_map", R"({"weight_map":{}})");
  refuse(ErrorCode::corrupt_file, "names no file", R"({"weight_map":{"a":1}})");
  refuse(ErrorCode::corrupt_file, "not valid JSON", R"({"weight_map":)");
  refuse(ErrorCode::corrupt_file, "not valid JSON", "{\"weight_map\":{\"\xff\":\"x\"}}");
  refuse(ErrorCode::limit_exceeded, "nested", std::string(100'000, '['));
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "{\"a\":";
  refuse(ErrorCode::limit_exceeded, "nested", nested);
}

TEST(OpenCheckpoint, AnIndexOfManyTensorsIsReadInGoodTime) {
  std::string text = R"({"weight_map":{)";
  for (int i = 0; i < 50'000; ++i)
    text += fmt::format(R"({}"model.layers.{}.weight":"x")", i == 0 ? "" : ",", i);
  EXPECT_EQ(parse_shard_index(text + "}}", "f").at("x").size(), 50'000u);
}

TEST(OpenCheckpoint, GgufShardsAreChecked) {
  const TempFolder folder;
  const auto write = [&](u16 number, u16 claimed, u16 count, i32 tensors,
                         const std::string& tensor) {
    folder.write(fmt::format("m-{:05}-of-00002.gguf", number + 1),
                 gguf_shard(claimed, count, tensors, tensor));
  };
  write(0, 0, 2, 2, "a");
  expect_error(ErrorCode::not_found, "m-00002-of-00002.gguf",
               [&] { open_checkpoint(folder.path() / "m-00001-of-00002.gguf"); });
  write(1, 1, 2, 2, "b");
  EXPECT_EQ(open_checkpoint(folder.path()).tensors.size(), 2u);
  EXPECT_EQ(open_checkpoint(folder.path()).container, Container::gguf);
  write(1, 1, 2, 2, "a");
  expect_error(ErrorCode::corrupt_file, "twice", [&] { open_checkpoint(folder.path()); });
  write(1, 0, 2, 2, "b");
  expect_error(ErrorCode::corrupt_file, "says it is shard 1 of 2",
               [&] { open_checkpoint(folder.path()); });
  write(1, 1, 2, 2, "b");
  write(0, 0, 2, 3, "a");
  expect_error(ErrorCode::corrupt_file, "split.tensors.count says 3",
               [&] { open_checkpoint(folder.path()); });
  folder.write("other.gguf", gguf_shard(0, 1, 1, "a"));
  expect_error(ErrorCode::unsupported, "name one", [&] { open_checkpoint(folder.path()); });
  EXPECT_EQ(open_checkpoint(folder.path() / "other.gguf").tensors.size(), 1u);
  folder.write("other.gguf", gguf_shard(0, 2, 1, "a"));
  expect_error(ErrorCode::corrupt_file, "must be named",
               [&] { open_checkpoint(folder.path() / "other.gguf"); });
}

TEST(OpenCheckpoint, OtherFilesAreRefused) {
  const TempFolder folder;
  expect_error(ErrorCode::unsupported, "not a checkpoint",
               [&] { open_checkpoint(folder.write("a.bin", "words")); });
  expect_error(ErrorCode::unsupported, "not a checkpoint",
               [&] { open_checkpoint(folder.write("empty.bin", "")); });
  expect_error(ErrorCode::corrupt_file, "",
               [&] { open_checkpoint(folder.write("a.safetensors", "")); });
  expect_error(ErrorCode::corrupt_file, "",
               [&] { open_checkpoint(folder.write("a.index", "words")); });
  folder.write("pytorch_model.bin", "words");
  expect_error(ErrorCode::unsupported, "not a checkpoint", [&] { open_checkpoint(folder.path()); });
  folder.write("config.json", "[1]");
  folder.write("model.safetensors", safetensors_of({"a"}));
  expect_error(ErrorCode::corrupt_file, "not a JSON object",
               [&] { open_checkpoint(folder.path()); });
}

TEST(OpenCheckpoint, ATensorFlowPathOutsideTheFolderIsNotFollowed) {
  const TempFolder folder;
  folder.write("checkpoint", "model_checkpoint_path: \"..\"\n");
  expect_error(ErrorCode::corrupt_file, "not the name of a file",
               [&] { open_checkpoint(folder.path()); });
}

}  // namespace
}  // namespace medlar::formats
