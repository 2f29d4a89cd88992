#include "formats/quantised_layouts.h"

#include <algorithm>

#include "base/error.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

/// The object under a key of the configuration, empty where there is none.
Json settings(const Json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_object() ? *found : Json::object();
}

}  // namespace

std::vector<std::string> PieceStore::bases(std::string_view suffix,
                                           std::initializer_list<QuantFormat> formats) const {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : checkpoint_->tensors) {
    const bool wanted =
        formats.size() == 0 || std::ranges::find(formats, tensor.format) != formats.end();
    if (wanted && name.size() > suffix.size() && name.ends_with(suffix))
      found.push_back(name.substr(0, name.size() - suffix.size()));
  }
  return found;
}

StoredTensor PieceStore::take(const std::string& name, std::initializer_list<i64> shape) {
  StoredTensor piece = take(name);
  bool fits = piece.shape.rank() == static_cast<i64>(shape.size());
  i64 axis = 0;
  for (const i64 size : shape) {
    if (fits && size >= 0) fits = piece.shape[axis] == size;
    ++axis;
  }
  if (!fits)
    misfit(name, fmt::format("its shape {} does not fit the others", piece.shape.to_string()));
  return piece;
}

StoredTensor PieceStore::take(const std::string& name) {
  std::optional<StoredTensor> piece = take_if(name);
  if (!piece) misfit(name, "it is missing");
  return *std::move(piece);
}

std::optional<StoredTensor> PieceStore::take_if(const std::string& name) {
  const auto found = checkpoint_->tensors.find(name);
  if (found == checkpoint_->tensors.end()) return std::nullopt;
  StoredTensor piece = std::move(found->second);
  checkpoint_->tensors.erase(found);
  return piece;
}

void PieceStore::put(const std::string& name, QuantFormat format, const Shape& shape,
                     std::function<std::vector<std::byte>()> join) {
  checked_bytes(format, shape, name, checkpoint_->path.string());
  add_tensor(checkpoint_->tensors,
             {.name = name,
              .format = format,
              .shape = shape,
              .bytes = {},
              .owner = nullptr,
              .join = std::move(join)},
             checkpoint_->path.string());
}

void PieceStore::put_floats(const std::string& name, const Shape& shape,
                            std::function<void(std::span<float>)> fill) {
  put(name, QuantFormat::f32, shape, [count = shape.count(), fill = std::move(fill)] {
    std::vector<std::byte> bytes(static_cast<std::size_t>(count * 4));
    fill({reinterpret_cast<float*>(bytes.data()), static_cast<std::size_t>(count)});
    return bytes;
  });
}

void PieceStore::misfit(const std::string& name, std::string_view why) const {
  fail(ErrorCode::corrupt_file, "{}: quantised tensor {}: {}", checkpoint_->path.string(),
       printable(name), why);
}

i64 setting(const Json& settings, const char* key, i64 otherwise) {
  const auto found = settings.find(key);
  return found != settings.end() && found->is_number_integer() ? found->get<i64>() : otherwise;
}

std::string text_setting(const Json& settings, const char* key, const char* otherwise) {
  const auto found = settings.find(key);
  return found != settings.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

void join_quantised(Checkpoint& checkpoint) {
  if (checkpoint.container != Container::huggingface) return;
  PieceStore pieces(checkpoint);
  const Json quantisation = settings(checkpoint.config, "quantization_config");
  const std::string method = text_setting(quantisation, "quant_method", "");
  for (const char* key : {"quantization", "_mlx_quantization"}) {
    const Json mlx = settings(checkpoint.config, key);
    if (!mlx.empty()) return join_mlx(pieces, mlx);
  }
  if (method == "awq") return join_awq(pieces, quantisation);
  if (method == "gptq") return join_gptq(pieces, quantisation);
  if (method == "bitsandbytes") return join_bitsandbytes(pieces);
  if (method == "fp8" || method == "compressed-tensors") return join_fp8(pieces, quantisation);
  if (method.empty() || method == "mxfp4") return join_mxfp4(pieces);
  fail(ErrorCode::unsupported,
       "{}: weights in the layout '{}' are not supported (awq, gptq, bitsandbytes, fp8, mxfp4 and "
       "MLX are); convert the model to bf16 or GGUF",
       checkpoint.path.string(), printable(method));
}

}  // namespace medlar::formats
