#include "formats/checkpoint.h"

#include "base/error.h"
#include "formats/open_checkpoint.h"
#include "formats/quantised_layouts.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {

const StoredTensor* Checkpoint::find(std::string_view name) const {
  const auto place = tensors.find(name);
  return place == tensors.end() ? nullptr : &place->second;
}

const StoredTensor& Checkpoint::at(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  if (tensor == nullptr) {
    fail(ErrorCode::not_found, "{} holds no tensor '{}'", path.string(), printable(name));
  }
  return *tensor;
}

StoredTensor in_memory(const StoredTensor& tensor) {
  if (!tensor.join) return tensor;
  const auto joined = std::make_shared<const std::vector<std::byte>>(tensor.join());
  MEDLAR_CHECK(ssize_of(*joined) == bytes_of(tensor.format, tensor.shape.count()));
  StoredTensor whole = tensor;
  whole.join = nullptr;
  whole.bytes = *joined;
  whole.owner = joined;
  return whole;
}

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  std::error_code refused;  // opening it as a file then says why
  Checkpoint checkpoint =
      std::filesystem::is_directory(path, refused) ? open_folder(path) : open_file(path);
  join_quantised(checkpoint);
  return checkpoint;
}

}  // namespace medlar::formats
