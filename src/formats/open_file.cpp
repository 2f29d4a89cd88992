#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/gguf.h"
#include "formats/llama2c.h"
#include "formats/open_checkpoint.h"
#include "formats/safetensors.h"
#include "formats/shard_index.h"
#include "formats/tensor_checks.h"
#include "formats/tf1_checkpoint.h"
#include "formats/torch_pickle.h"

namespace medlar::formats {
namespace {

using Tensors = std::map<std::string, StoredTensor, std::less<>>;
using MappedPointer = std::shared_ptr<const MappedFile>;

// An ordered object takes time in the square of its keys: a hostile file of this size costs
// seconds.
constexpr i64 max_config_bytes = i64{1} << 20;
constexpr i64 max_index_bytes = i64{32} << 20;

enum class FileKind { safetensors, torch, gguf, tensorflow, llama2c, unknown };

bool starts_with(Bytes bytes, std::string_view mark) {
  return bytes.size() >= mark.size() && std::memcmp(bytes.data(), mark.data(), mark.size()) == 0;
}

FileKind kind_of(Bytes bytes, const std::filesystem::path& path) {
  if (starts_with(bytes, "GGUF")) return FileKind::gguf;
  if (path.extension() == ".safetensors") return FileKind::safetensors;
  if (looks_like_torch(bytes)) return FileKind::torch;
  if (path.extension() == ".index") return FileKind::tensorflow;
  if (looks_like_llama2c(bytes)) return FileKind::llama2c;
  if (bytes.size() > 8 && bytes[8] == std::byte{'{'}) return FileKind::safetensors;
  return FileKind::unknown;
}

/// The tensors of one file of the Hugging Face family, by its content.
Tensors read_tensors(const MappedPointer& file) {
  const std::string source = file->path().string();
  switch (kind_of(file->bytes(), file->path())) {
    case FileKind::safetensors:
      return parse_safetensors(file->bytes(), source, file).tensors;
    case FileKind::torch:
      return parse_torch(file->bytes(), source, file).tensors;
    default:
      break;
  }
  fail(ErrorCode::corrupt_file, "{}: is neither safetensors nor a PyTorch file", source);
}

Json read_config(const std::filesystem::path& path) {
  Json config = parse_json(read_text_file(path, max_config_bytes), path.string());
  if (!config.is_object()) fail(ErrorCode::corrupt_file, "{}: is not a JSON object", path.string());
  return config;
}

/// "model-00001-of-00003.gguf" without "-00001-of-00003.gguf"; empty if the name is of another
/// form.
std::string shard_prefix(const std::string& name, i64 number, i64 count) {
  const std::string suffix = fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : std::string();
}

void add_all(Tensors tensors, Checkpoint& checkpoint, const std::string& source) {
  for (auto& [name, tensor] : tensors) add_tensor(checkpoint.tensors, std::move(tensor), source);
}

}  // namespace

Checkpoint open_file(const std::filesystem::path& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  const std::filesystem::path folder = path.parent_path();
  if (path.string().ends_with(".index.json")) {
    read_configs(folder, checkpoint);
    add_shards(path, checkpoint);
    return checkpoint;
  }
  const MappedPointer file = MappedFile::open(path);
  switch (kind_of(file->bytes(), path)) {
    case FileKind::gguf:
      add_gguf(path, checkpoint);
      return checkpoint;
    case FileKind::safetensors:
      read_configs(folder, checkpoint);
      checkpoint.tensors = read_tensors(file);
      return checkpoint;
    case FileKind::torch: {
      read_configs(folder, checkpoint);
      TorchFile torch = parse_torch(file->bytes(), path.string(), file);
      checkpoint.tensors = std::move(torch.tensors);
      // The one number that a layout depends on; all of them would be at the file's mercy.
      if (const auto version = torch.numbers.find("checkpoint_version");
          version != torch.numbers.end())
        checkpoint.metadata[version->first] = version->second;
      return checkpoint;
    }
    case FileKind::tensorflow:
      checkpoint.container = Container::tensorflow;
      read_configs(folder, checkpoint);
      checkpoint.tensors = read_tf1_checkpoint(path);
      return checkpoint;
    case FileKind::llama2c: {
      checkpoint.container = Container::llama2c;
      Llama2cFile model = parse_llama2c(file->bytes(), path.string(), file);
      checkpoint.config = std::move(model.config);
      checkpoint.tensors = std::move(model.tensors);
      return checkpoint;
    }
    case FileKind::unknown:
      break;
  }
  fail(ErrorCode::unsupported,
       "{}: not a checkpoint known here (safetensors, GGUF, PyTorch, TensorFlow 1, llama2.c)",
       path.string());
}

void read_configs(const std::filesystem::path& folder, Checkpoint& checkpoint) {
  for (const char* name : {"config.json", "bert_config.json", "gliner_config.json"}) {
    if (!is_there(folder / name)) continue;
    checkpoint.config = read_config(folder / name);
    break;
  }
  if (is_there(folder / "generation_config.json")) {
    checkpoint.generation_config = read_config(folder / "generation_config.json");
  }
}

bool is_there(const std::filesystem::path& path) {
  std::error_code unknown;
  return std::filesystem::exists(path, unknown);
}

void add_shards(const std::filesystem::path& index_file, Checkpoint& checkpoint) {
  const std::string source = index_file.string();
  const ShardIndex index = parse_shard_index(read_text_file(index_file, max_index_bytes), source);
  for (const auto& [name, expected] : index) {
    const std::filesystem::path path = index_file.parent_path() / name;
    Tensors tensors = read_tensors(MappedFile::open(path));
    for (const std::string& tensor : expected) {
      if (tensors.find(tensor) != tensors.end()) continue;
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' is not in {}", source, printable(tensor),
           path.string());
    }
    for (const auto& [tensor, stored] : tensors) {
      if (expected.find(tensor) != expected.end()) continue;
      fail(ErrorCode::corrupt_file, "{}: does not name tensor '{}' of {}", source,
           printable(tensor), path.string());
    }
    add_all(std::move(tensors), checkpoint, source);
  }
}

void add_gguf(const std::filesystem::path& path, Checkpoint& checkpoint) {
  checkpoint.container = Container::gguf;
  const MappedPointer file = MappedFile::open(path);
  GgufFile named = parse_gguf(file->bytes(), path.string(), file);
  const GgufSplit split = gguf_split(named.metadata, path.string());
  if (split.count == 1) {
    checkpoint.metadata = std::move(named.metadata);
    checkpoint.tensors = std::move(named.tensors);
    return;
  }
  const std::string prefix = shard_prefix(path.filename().string(), split.number, split.count);
  if (prefix.empty()) {
    fail(ErrorCode::corrupt_file, "{}: shard {} of {} must be named *-{:05}-of-{:05}.gguf",
         path.string(), split.number + 1, split.count, split.number + 1, split.count);
  }
  for (i64 number = 0; number < split.count; ++number) {
    const std::filesystem::path shard_path =
        path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", prefix, number + 1, split.count);
    const MappedPointer shard_file = MappedFile::open(shard_path);
    GgufFile shard = parse_gguf(shard_file->bytes(), shard_path.string(), shard_file);
    const GgufSplit place = gguf_split(shard.metadata, shard_path.string());
    if (place.number != number || place.count != split.count) {
      fail(ErrorCode::corrupt_file, "{}: says it is shard {} of {}, expected {} of {}",
           shard_path.string(), place.number + 1, place.count, number + 1, split.count);
    }
    if (number == 0) checkpoint.metadata = std::move(shard.metadata);
    add_all(std::move(shard.tensors), checkpoint, shard_path.string());
  }
  if (split.tensor_count >= 0 && split.tensor_count != ssize_of(checkpoint.tensors)) {
    fail(ErrorCode::corrupt_file, "{}: the {} shards hold {} tensors, split.tensors.count says {}",
         path.string(), split.count, checkpoint.tensors.size(), split.tensor_count);
  }
}

}  // namespace medlar::formats
