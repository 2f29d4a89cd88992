#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "formats/checkpoint.h"
#include "formats/pickle_machine.h"

/// Tensors out of the object graph of a PyTorch pickle; private to formats/torch_pickle.cpp.
namespace medlar::formats {

/// What a persistent id of torch.save() says: ("storage", type, key, location, count[, view]).
struct TorchStorage {
  std::string_view key;
  QuantFormat format = QuantFormat::u8;  ///< u8 for the untyped kind
  i64 count = 0;                         ///< elements
  i64 view_offset = 0;                   ///< elements, of a view of another storage (old form)
  i64 view_count = -1;                   ///< -1 where it is no view
};

/// A storage's bytes and what keeps them alive.
struct StorageContent {
  Bytes bytes;
  std::shared_ptr<const void> owner;
};

/// Finds a storage's content; called once per tensor.
using FindStorage = std::function<StorageContent(const TorchStorage& storage)>;

/// Reads the id of a persistent node. Throws corrupt_file, or unsupported for an unknown type.
TorchStorage torch_storage(const PickleGraph& graph, const PickleValue& persistent,
                           const std::string& source);

/// Bytes of a storage. Throws corrupt_file on overflow.
i64 storage_bytes(const TorchStorage& storage, const std::string& source);

/// All tensors of a graph by dotted name. Copies of strided tensors take at most `copy_limit`
/// bytes.
std::map<std::string, StoredTensor, std::less<>> torch_tensors(const PickleGraph& graph,
                                                               const FindStorage& find_storage,
                                                               i64 copy_limit,
                                                               const std::string& source);

/// The numbers of the outermost dict, by key.
std::map<std::string, double, std::less<>> torch_numbers(const PickleGraph& graph);

}  // namespace medlar::formats
