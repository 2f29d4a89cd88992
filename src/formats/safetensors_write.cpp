#include <algorithm>
#include <set>

#include "base/error.h"
#include "formats/pending_file.h"
#include "formats/safetensors.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

void check_names(std::span<const StoredTensor> tensors) {
  std::set<std::string_view> names;
  for (const StoredTensor& tensor : tensors) {
    if (tensor.name.empty() || tensor.name == "__metadata__" || !is_utf8(tensor.name)) {
      fail(ErrorCode::invalid_argument, "'{}' cannot name a tensor of a safetensors file",
           printable(tensor.name));
    }
    if (!names.insert(tensor.name).second) {
      fail(ErrorCode::invalid_argument, "two tensors to write are named '{}'",
           printable(tensor.name));
    }
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  check_names(tensors);
  std::vector<const StoredTensor*> ordered;
  for (const StoredTensor& tensor : tensors) ordered.push_back(&tensor);
  std::sort(ordered.begin(), ordered.end(), [](const StoredTensor* a, const StoredTensor* b) {
    const i64 size_a = layout_of(a->format).block_bytes;
    const i64 size_b = layout_of(b->format).block_bytes;
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });

  // A sorted tree: building an ordered one takes time in the square of the number of tensors.
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  i64 offset = 0;
  for (const StoredTensor* tensor : ordered) {
    const i64 bytes = checked_bytes(tensor->format, tensor->shape, tensor->name, path.string());
    if (!tensor->join && bytes != ssize_of(tensor->bytes)) {
      fail(ErrorCode::invalid_argument, "tensor '{}' has {} bytes, {} {} needs {}",
           printable(tensor->name), tensor->bytes.size(), layout_of(tensor->format).name,
           tensor->shape.to_string(), bytes);
    }
    header[tensor->name] = {{"dtype", safetensors_dtype(tensor->format)},
                            {"shape", tensor->shape.dims()},
                            {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::invalid_argument, "{}: the metadata to write is not UTF-8", path.string());
  }
  text.resize(static_cast<std::size_t>(round_up(ssize_of(text), 8)), ' ');

  PendingFile file(path);
  const u64 header_bytes = text.size();
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(std::as_bytes(std::span(text)));
  for (const StoredTensor* tensor : ordered) file.write(in_memory(*tensor).bytes);
  file.finish();
}

}  // namespace medlar::formats
