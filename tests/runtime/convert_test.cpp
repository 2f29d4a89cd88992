// Checkpoints in another container must give the same vectors as the ones they were made from.
#include "runtime/convert.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "comm/comm.h"
#include "formats/gguf.h"
#include "runtime/conformance.h"
#include "runtime/model_folder.h"
#include "shared_data.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;

/// A folder for what a test writes, empty at its begin and gone at its end.
struct Scratch {
  fs::path path =
      fs::path(testing::TempDir()) /
      (std::string("convert_") + testing::UnitTest::GetInstance()->current_test_info()->name());
  Scratch() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { fs::remove_all(path); }
};

Certificate verified(const fs::path& model, const fs::path& golden) {
  const formats::Checkpoint checkpoint = open_model(model);
  const auto alone = comm::solo();
  Runner runner(checkpoint, *alone, {.threads = 2});
  return verify_checkpoint(runner, checkpoint, golden);
}

void expect_conformant(const fs::path& model, const fs::path& golden) {
  for (const VectorResult& vector : verified(model, golden).vectors)
    EXPECT_TRUE(vector.pass) << model << " " << vector.name << " error " << vector.error;
}

/// Folders of tests/golden and, where it is there, of the reference data beside the checkout.
std::vector<fs::path> golden_folders(std::initializer_list<const char*> names) {
  std::vector<fs::path> folders;
  for (const fs::path& root :
       {fs::path(MEDLAR_SOURCE_DIR) / "tests" / "golden", tests::shared_folder() / "golden"}) {
    for (const char* name : names) {
      if (fs::exists(root / name / "golden.safetensors")) folders.push_back(root / name);
    }
  }
  return folders;
}

TEST(Convert, FoldersAsGgufKeepTheirVectors) {
  const Scratch scratch;
  const auto folders =
      golden_folders({"llama/gqa_tied_llama3_rope", "llama/sharded_bf16", "mistral/window",
                      "qwen2/biases", "qwen3/head_norms", "qwen3/token_classification",
                      "bert/token", "bert/masked_lm", "gpt_oss/mxfp4", "gpt_oss/bf16_layout",
                      "deepseek_v3/no_q_lora", "deepseek_v3/yarn", "glm4_moe/text"});
  ASSERT_GE(folders.size(), 8u);
  for (const fs::path& folder : folders) {
    const Converted converted = to_gguf(formats::open_checkpoint(folder), {});
    const fs::path file = scratch.path / "model.gguf";
    formats::write_gguf(file, converted.metadata, converted.tensors);
    expect_conformant(file, folder / "golden.safetensors");
  }
}

TEST(Convert, TheStandardKeysAloneSayTheModel) {
  const Scratch scratch;
  for (const fs::path& folder : golden_folders(
           {"llama/gqa_tied_llama3_rope", "llama/mha_biases", "qwen2/biases", "qwen3/head_norms",
            "bert/masked_lm", "gpt_oss/mxfp4", "deepseek_v3/yarn", "glm4_moe/text"})) {
    Converted converted = to_gguf(formats::open_checkpoint(folder), {});
    converted.metadata.erase("medlar.config");
    const fs::path file = scratch.path / "model.gguf";
    formats::write_gguf(file, converted.metadata, converted.tensors);
    expect_conformant(file, folder / "golden.safetensors");
  }
}

TEST(Convert, GgufAsFolderAndBackIsTheSameModel) {
  const Scratch scratch;
  for (const fs::path& folder :
       golden_folders({"llama/gqa_tied_llama3_rope", "qwen3/head_norms"})) {
    const Converted gguf = to_gguf(formats::open_checkpoint(folder), {});
    formats::write_gguf(scratch.path / "model.gguf", gguf.metadata, gguf.tensors);
    const formats::Checkpoint file = formats::open_checkpoint(scratch.path / "model.gguf");
    const Converted back = to_huggingface(file, {});
    fs::remove_all(scratch.path / "folder");
    write_model_folder(scratch.path / "folder", back.metadata, back.tensors, file.path, {});
    expect_conformant(scratch.path / "folder", folder / "golden.safetensors");
  }
}

TEST(Convert, ReencodingTellsTheErrorOfEachTensor) {
  const Scratch scratch;
  const fs::path folder = golden_folders({"llama/gqa_tied_llama3_rope"}).front();
  std::vector<StorageError> errors;
  StorageRequest request;
  request.format = QuantFormat::q8_0;
  request.stored = [&](const StorageError& error) { errors.push_back(error); };
  const Converted converted = to_gguf(formats::open_checkpoint(folder), request);
  formats::write_gguf(scratch.path / "q8.gguf", converted.metadata, converted.tensors);
  i64 matrices = 0;
  for (const StorageError& error : errors) {
    if (error.to == QuantFormat::q8_0) {
      ++matrices;
      EXPECT_GT(error.relative, 0.0);
      EXPECT_LT(error.relative, 0.01) << error.name;  // 127 steps a side
    } else {
      // Rows that are no whole blocks are rounded to f16, vectors stay as they are.
      EXPECT_LT(error.relative, error.to == QuantFormat::f16 ? 1e-3 : 1e-9) << error.name;
    }
  }
  EXPECT_GT(matrices, 10);
  const Converted again = reencode_gguf(formats::open_checkpoint(scratch.path / "q8.gguf"),
                                        {.format = QuantFormat::f16});
  for (const formats::StoredTensor& tensor : again.tensors) {
    EXPECT_EQ(tensor.format, tensor.shape.rank() == 2 ? QuantFormat::f16 : QuantFormat::f32)
        << tensor.name;
  }
}

TEST(Convert, WithoutAFormatNothingIsRounded) {
  const Scratch scratch;
  for (const fs::path& folder : golden_folders({"llama/gguf_q4_0", "gguf/llama_q4_0"})) {
    const Converted converted = to_gguf(formats::open_checkpoint(folder), {});
    const fs::path file = scratch.path / "model.gguf";
    formats::write_gguf(file, converted.metadata, converted.tensors);
    expect_conformant(file, folder / "golden.safetensors");
  }
}

TEST(Convert, SmallRowsAndTablesGetFormatsThatHoldThem) {
  using enum QuantFormat;
  EXPECT_EQ(stored_format("blk.0.attn_q.weight", {64, 4096}, q4_k), q4_k);
  EXPECT_EQ(stored_format("blk.0.attn_q.weight", {64, 96}, q4_k), q5_0);
  EXPECT_EQ(stored_format("blk.0.attn_q.weight", {64, 96}, iq4_xs), iq4_nl);
  EXPECT_EQ(stored_format("blk.0.attn_q.weight", {64, 80}, q8_0), f16);
  EXPECT_EQ(stored_format("blk.0.attn_norm.weight", {4096}, q4_k), f32);
  EXPECT_EQ(stored_format("blk.0.ffn_gate_inp.weight", {8, 4096}, q4_k), f32);
  EXPECT_EQ(stored_format("token_embd.weight", {1000, 4096}, q4_k), q6_k);
  EXPECT_EQ(stored_format("output.weight", {1000, 4096}, q8_0), q8_0);
}

TEST(ModelFolder, GoesOnOnlyWithItsOwnRecipe) {
  const Scratch scratch;
  const formats::Checkpoint model =
      formats::open_checkpoint(golden_folders({"llama/sharded_bf16"}).front());
  std::vector<formats::StoredTensor> tensors;
  for (const auto& [name, tensor] : model.tensors) tensors.push_back(tensor);
  const fs::path folder = scratch.path / "out";
  // Stops in the middle of the third file.
  auto broken = tensors;
  i64 made = 0;
  for (formats::StoredTensor& tensor : broken) {
    tensor.join = [&made, whole = tensor] {
      if (++made > 8) fail(ErrorCode::cancelled, "stopped");
      return std::vector<std::byte>(whole.bytes.begin(), whole.bytes.end());
    };
    tensor.bytes = {};
  }
  const auto write = [&](const std::vector<formats::StoredTensor>& what, const char* recipe) {
    write_model_folder(folder, model.config, what, model.path,
                       {.shard_bytes = 16'000, .recipe = recipe});
  };
  EXPECT_THROW(write(broken, "a"), Error);
  EXPECT_FALSE(fs::exists(folder / "config.json"));
  EXPECT_THROW(write(tensors, "b"), Error);
  std::map<fs::path, fs::file_time_type> kept;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") kept[entry.path()] = entry.last_write_time();
  }
  ASSERT_FALSE(kept.empty());
  write(tensors, "a");
  for (const auto& [path, time] : kept) EXPECT_EQ(fs::last_write_time(path), time) << path;
  expect_conformant(folder, model.path / "golden.safetensors");
}

}  // namespace
}  // namespace medlar::runtime
