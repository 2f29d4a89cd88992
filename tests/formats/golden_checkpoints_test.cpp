// Every published layout among the reference data opens, and the same weights in two layouts are
// equal.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/mapped_file.h"
#include "formats/checkpoint.h"
#include "formats/sentencepiece_model.h"
#include "shared_data.h"
#include "test_files.h"

namespace medlar::formats {
namespace {

using Path = std::filesystem::path;

Path golden() { return tests::shared_folder() / "golden"; }

std::vector<float> floats_of(const StoredTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.count()));
  dequantise(tensor.format, tensor.bytes, values);
  return values;
}

/// Folders that hold something to open, found by the names of their files.
std::set<Path> checkpoint_folders() {
  std::set<Path> folders;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(golden())) {
    const Path& path = entry.path();
    const std::string name = path.filename().string();
    const bool is_checkpoint =
        name.ends_with(".gguf") || name.ends_with(".pt") || name.ends_with(".index") ||
        name.ends_with(".bin") || name.ends_with("model.safetensors") ||
        name == "weights.safetensors" || name == "model.safetensors.index.json";
    if (entry.is_regular_file() && is_checkpoint) folders.insert(path.parent_path());
  }
  return folders;
}

TEST(GoldenCheckpoints, EveryFolderOpens) {
  MEDLAR_NEEDS_SHARED();
  i64 count = 0;
  for (const Path& folder : checkpoint_folders()) {
    SCOPED_TRACE(folder.string());
    const Checkpoint checkpoint = open_checkpoint(folder);
    EXPECT_FALSE(checkpoint.tensors.empty());
    const bool describes_itself = !checkpoint.config.empty() || !checkpoint.metadata.empty();
    const bool is_adapter = std::filesystem::exists(folder / "adapter_config.json");
    EXPECT_TRUE(describes_itself || is_adapter);
    for (const auto& [name, tensor] : checkpoint.tensors) {
      EXPECT_EQ(name, tensor.name);
      EXPECT_EQ(ssize_of(in_memory(tensor).bytes), bytes_of(tensor.format, tensor.shape.count()))
          << name;
    }
    ++count;
  }
  EXPECT_GT(count, 60);
}

TEST(GoldenCheckpoints, EveryLooseFileOpens) {
  MEDLAR_NEEDS_SHARED();
  for (const char* name : {"bnb/blocks.safetensors", "mlx/blocks.safetensors",
                           "images/positions/vision.safetensors"}) {
    EXPECT_FALSE(open_checkpoint(golden() / name).tensors.empty()) << name;
  }
  const Path vocabularies = tests::shared_folder() / "data" / "tok_golden" / "ggml";
  for (const char* name :
       {"ggml-vocab-gpt-2.gguf", "ggml-vocab-llama-spm.gguf", "ggml-vocab-bert-bge.gguf"}) {
    const Checkpoint checkpoint = open_checkpoint(vocabularies / name);
    EXPECT_EQ(checkpoint.container, Container::gguf);
    EXPECT_GT(checkpoint.metadata.at("tokenizer.ggml.tokens").size(), 30000u) << name;
  }
}

TEST(GoldenCheckpoints, MegatronDictsFlattenToDottedNames) {
  MEDLAR_NEEDS_SHARED();
  const Checkpoint bert = open_checkpoint(golden() / "megatron_bert" / "nvidia_pt");
  EXPECT_EQ(bert.container, Container::huggingface);
  EXPECT_NE(bert.find("model.language_model.embedding.word_embeddings.weight"), nullptr)
      << bert.tensors.begin()->first;
  const Checkpoint gpt2 = open_checkpoint(golden() / "gpt2" / "megatron");
  EXPECT_TRUE(std::any_of(gpt2.tensors.begin(), gpt2.tensors.end(), [](const auto& pair) {
    return pair.first.starts_with("model.language_model.") && pair.second.shape.rank() == 2;
  })) << gpt2.tensors.begin()->first;
}

TEST(GoldenCheckpoints, ShardsAreGathered) {
  MEDLAR_NEEDS_SHARED();
  const Checkpoint split = open_checkpoint(golden() / "gguf" / "llama_split");
  EXPECT_EQ(split.metadata.at("split.count"), 3);
  EXPECT_EQ(ssize_of(split.tensors), split.metadata.at("split.tensors.count").get<i64>());
  const Checkpoint by_second =
      open_checkpoint(golden() / "gguf" / "llama_split" / "model-00002-of-00003.gguf");
  EXPECT_EQ(by_second.tensors.size(), split.tensors.size());
  EXPECT_EQ(by_second.metadata, split.metadata);
  const Checkpoint safetensors = open_checkpoint(golden() / "llama" / "sharded");
  EXPECT_NE(safetensors.find("model.norm.weight"), nullptr);
  EXPECT_NE(open_checkpoint(golden() / "llama" / "bin_fp16").find("model.norm.weight"), nullptr);
}

TEST(GoldenCheckpoints, TensorFlowKeepsItsNames) {
  MEDLAR_NEEDS_SHARED();
  for (const char* name : {"tf1", "tf1_pretrained"}) {
    const Checkpoint checkpoint = open_checkpoint(golden() / "bert" / name);
    EXPECT_EQ(checkpoint.container, Container::tensorflow);
    EXPECT_TRUE(checkpoint.config.contains("hidden_size"));
    const StoredTensor& words = checkpoint.at("bert/embeddings/word_embeddings");
    EXPECT_EQ(words.shape[0], checkpoint.config.at("vocab_size").get<i64>());
    EXPECT_EQ(words.shape[1], checkpoint.config.at("hidden_size").get<i64>());
  }
}

TEST(GoldenCheckpoints, TrainedLlama2cEqualsItsGguf) {
  MEDLAR_NEEDS_SHARED();
  const Path folder = tests::shared_folder() / "data" / "weights" / "stories260K";
  const Checkpoint model = open_checkpoint(folder / "stories260K.bin");
  EXPECT_EQ(model.container, Container::llama2c);
  EXPECT_EQ(model.config.at("hidden_size"), 64);
  EXPECT_EQ(model.config.at("vocab_size"), 512);
  EXPECT_EQ(model.config.at("tie_word_embeddings"), true);
  EXPECT_EQ(model.tensors.size(),
            2u + 9u * model.config.at("num_hidden_layers").get<std::size_t>());
  const Checkpoint gguf = open_checkpoint(golden() / "gguf" / "stories260k_q8_0");
  EXPECT_EQ(floats_of(model.at("norm.weight")), floats_of(gguf.at("output_norm.weight")));
  EXPECT_EQ(floats_of(model.at("layers.0.attention_norm.weight")),
            floats_of(gguf.at("blk.0.attn_norm.weight")));
}

TEST(GoldenCheckpoints, SentencePieceModelsOpen) {
  MEDLAR_NEEDS_SHARED();
  const Path folder = tests::shared_folder() / "data" / "tok";
  const SentencePieceModel llama = read_sentencepiece_model(folder / "llama2.tokenizer.model");
  EXPECT_EQ(llama.algorithm, SentencePieceModel::Algorithm::bpe);
  EXPECT_EQ(llama.pieces.size(), 32000u);
  EXPECT_TRUE(llama.byte_fallback);
  EXPECT_EQ(llama.pieces[3].text, "<0x00>");
  EXPECT_EQ(llama.pieces[3].type, PieceType::byte);
  EXPECT_EQ(llama.bos_id, 1);
  EXPECT_EQ(llama.normalizer.name, "identity");
  EXPECT_FALSE(llama.normalizer.remove_extra_whitespaces);
  for (const char* name : {"unigram-t5like.model", "unigram-xlnet.model"}) {
    const SentencePieceModel model = read_sentencepiece_model(folder / name);
    EXPECT_EQ(model.algorithm, SentencePieceModel::Algorithm::unigram) << name;
    EXPECT_FALSE(model.normalizer.precompiled_charsmap.empty()) << name;
    EXPECT_GE(ssize_of(model.pieces), model.vocab_size) << name;
  }
  tests::expect_error(ErrorCode::corrupt_file, "",
                      [&] { read_sentencepiece_model(folder / "llama3.tokenizer.model"); });
}

}  // namespace
}  // namespace medlar::formats
