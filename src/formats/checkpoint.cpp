#include "formats/checkpoint.h"

#include "base/error.h"
#include "formats/open_checkpoint.h"
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

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  std::error_code refused;  // opening it as a file then says why
  return std::filesystem::is_directory(path, refused) ? open_folder(path) : open_file(path);
}

}  // namespace medlar::formats
