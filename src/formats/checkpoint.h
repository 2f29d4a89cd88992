#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/quant.h"
#include "base/shape.h"
#include "base/types.h"

namespace medlar::formats {

/// One tensor as a file holds it: contiguous, row-major, outermost axis first (GGUF's order
/// reversed).
struct StoredTensor {
  std::string name;
  QuantFormat format = QuantFormat::f32;
  Shape shape;
  Bytes bytes;  ///< exactly bytes_of(format, shape.count()); mapped where possible
  std::shared_ptr<const void> owner;  ///< keeps `bytes` alive
  /// Set for a matrix that a quantiser stored in several pieces: puts them together. `bytes` is
  /// then empty.
  std::function<std::vector<std::byte>()> join = nullptr;
};

/// The tensor with its bytes in memory: itself, or joined from its pieces.
StoredTensor in_memory(const StoredTensor& tensor);

/// Which names and conventions the tensors follow; families translate by it.
enum class Container { huggingface, gguf, tensorflow, llama2c };

/// A model as published: a folder or a file. Immutable after opening, safe to share between
/// threads.
class Checkpoint {
 public:
  Container container = Container::huggingface;
  std::filesystem::path path;    ///< what the caller named
  Json config = Json::object();  ///< config.json (or bert_config.json, gliner_config.json; llama2.c
                                 ///< header as the same keys)
  Json generation_config = Json::object();  ///< generation_config.json, empty object where absent
  Json metadata = Json::object();           ///< GGUF key-values, arrays included; of a pickle
                                            ///< Megatron-LM's "checkpoint_version"
  std::map<std::string, StoredTensor, std::less<>> tensors;

  /// The tensor or null.
  const StoredTensor* find(std::string_view name) const;
  /// Throws not_found naming the tensor and the path.
  const StoredTensor& at(std::string_view name) const;
};

/// Opens a folder (safetensors single or sharded with index, PyTorch .bin/.pt single or sharded,
/// TF1 checkpoint, one GGUF or its shards) or one such file. Nothing in a file is executed, no
/// allocation is larger than the file justifies. Throws not_found, corrupt_file, unsupported,
/// limit_exceeded.
Checkpoint open_checkpoint(const std::filesystem::path& path);

}  // namespace medlar::formats
