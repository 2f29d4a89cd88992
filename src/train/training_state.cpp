#include "train/training_state.h"

#include <cstring>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/safetensors.h"

namespace medlar::train {
namespace {

formats::StoredTensor stored(const std::string& name, const Tensor& tensor) {
  return {.name = name,
          .format = QuantFormat::f32,
          .shape = tensor.shape(),
          .bytes = std::as_bytes(tensor.values()),
          .owner = nullptr};
}

void restore(const formats::SafetensorsFile& file, const std::string& name, Tensor& tensor,
             const std::filesystem::path& path) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || !(found->second.shape == tensor.shape()) ||
      found->second.format != QuantFormat::f32) {
    fail(ErrorCode::shape_mismatch, "{}: no tensor {} of shape {}: the state of another model",
         path.string(), name, tensor.shape().to_string());
  }
  std::memcpy(tensor.f32(), found->second.bytes.data(), found->second.bytes.size());
}

}  // namespace

void save_state(const std::filesystem::path& file, const AdamW& optimizer, const Json& progress) {
  std::vector<formats::StoredTensor> tensors;
  for (std::size_t p = 0; p < optimizer.parameters().size(); ++p) {
    const nn::Parameter& parameter = optimizer.parameters()[p];
    tensors.push_back(stored("value:" + parameter.name, parameter.values));
    tensors.push_back(stored("first:" + parameter.name, optimizer.moments()[p].first));
    tensors.push_back(stored("second:" + parameter.name, optimizer.moments()[p].second));
  }
  formats::write_safetensors(file, tensors, {{"progress", progress.dump()}});
}

Json load_state(const std::filesystem::path& file, AdamW& optimizer) {
  const std::shared_ptr<const MappedFile> mapped = MappedFile::open(file);
  const formats::SafetensorsFile state =
      formats::parse_safetensors(mapped->bytes(), file.string(), mapped);
  for (std::size_t p = 0; p < optimizer.parameters().size(); ++p) {
    const nn::Parameter& parameter = optimizer.parameters()[p];
    Tensor values = parameter.values;
    restore(state, "value:" + parameter.name, values, file);
    restore(state, "first:" + parameter.name, optimizer.moments()[p].first, file);
    restore(state, "second:" + parameter.name, optimizer.moments()[p].second, file);
  }
  const auto progress = state.metadata.find("progress");
  if (progress == state.metadata.end())
    fail(ErrorCode::corrupt_file, "{} is no state of a training", file.string());
  return parse_json(progress->second, file.string());
}

}  // namespace medlar::train
