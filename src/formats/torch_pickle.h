#pragma once

#include <map>
#include <memory>
#include <string>

#include "formats/checkpoint.h"

namespace medlar::formats {

struct TorchFile {
  std::map<std::string, StoredTensor, std::less<>> tensors;
  std::map<std::string, double, std::less<>> numbers;  ///< of the outermost dict, by key
};

/// Parses what torch.save() wrote: a zip archive (since PyTorch 1.6) or the older sequence of
/// pickles and storages. The tensors of nested dicts and lists get dotted names
/// ("model.encoder.0.weight"); what is no tensor is skipped. Contiguous tensors are views of `file`
/// and keep `owner` alive, strided ones are copied. Nothing is executed: a tensor that depends on a
/// call which is not known here is refused. Throws corrupt_file, unsupported, limit_exceeded.
/// Source: torch/serialization.py, torch/_utils.py.
TorchFile parse_torch(Bytes file, const std::string& source,
                      std::shared_ptr<const void> owner = nullptr);

/// True if the bytes begin as a file of either form does.
bool looks_like_torch(Bytes file);

}  // namespace medlar::formats
