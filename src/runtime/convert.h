#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/threads.h"
#include "formats/checkpoint.h"
#include "text/tokenizer.h"

/// Checkpoints in another container or another number format. Tensors are described first and
/// converted one at a time as they are written, so that memory holds one of them.
namespace medlar::runtime {

/// How much each input of a matrix matters: the mean square of what it is multiplied by. By our
/// names ("model.layers.0.mlp.up_proj.weight", "...weight.3" in a stack).
using Importance = std::map<std::string, std::vector<float>, std::less<>>;

/// What storing a tensor anew did to its values.
struct StorageError {
  std::string name;
  QuantFormat from;
  QuantFormat to;
  double relative = 0.0;  ///< sqrt(sum (x - y)^2 / sum x^2)
  double largest = 0.0;   ///< max |x - y|
};

struct StorageRequest {
  /// Of matrices; vectors stay f32, see stored_format. None: as they are stored now.
  std::optional<QuantFormat> format;
  const Importance* importance = nullptr;
  ThreadPool* threads = nullptr;                              ///< must outlive the tensors
  std::function<void(const StorageError&)> stored = nullptr;  ///< told of each tensor as it is done
};

/// A model in the names, layouts and key-values of another container.
struct Converted {
  Json metadata;  ///< GGUF's key-values, or config.json
  std::vector<formats::StoredTensor> tensors;
};

/// The format that a tensor of a GGUF file gets where `wanted` is asked for matrices: f32 for
/// vectors, positions and routers; at least six bits for the embedding and the output; the nearest
/// smaller blocks where a row is no whole number of them, f16 where it is not even 32 values.
QuantFormat stored_format(const std::string& gguf_name, const Shape& shape, QuantFormat wanted);

/// The same GGUF file with its matrices in another format. Throws unsupported for another
/// container.
Converted reencode_gguf(const formats::Checkpoint& checkpoint, const StorageRequest& request);

/// A model folder as GGUF, its tokenizer and chat template inside. Throws unsupported for a family
/// that has no GGUF names, or whose layouts there cannot be written.
Converted to_gguf(const formats::Checkpoint& checkpoint, const StorageRequest& request);

/// A model under the names of its published folder, with config.json; matrices in f32, f16 or bf16.
/// Throws unsupported as to_gguf.
Converted to_huggingface(const formats::Checkpoint& checkpoint, const StorageRequest& request);

}  // namespace medlar::runtime
