#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/numeric.h"
#include "formats/gguf.h"
#include "formats/gguf_values.h"
#include "formats/pending_file.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

/// The bytes of a file's head.
class HeadWriter {
 public:
  template <typename T>
  void number(T value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  void text(std::string_view text) {
    number<u64>(text.size());
    const auto bytes = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  void value(ValueType type, const Json& value, std::string_view key) {
    switch (type) {
      case ValueType::boolean:
        return number<u8>(value.get<bool>() ? 1 : 0);
      case ValueType::string:
        return text(value.get_ref<const std::string&>());
      case ValueType::f32:
        return number(value.get<float>());
      case ValueType::u32:
        return number(value.get<u32>());
      case ValueType::i32:
        return number(value.get<i32>());
      case ValueType::u64:
        return number(value.get<u64>());
      case ValueType::i64:
        return number(value.get<i64>());
      default:
        return array(value, key);
    }
  }

  void key_value(const std::string& key, const Json& value) {
    text(key);
    const ValueType type = type_of(value, key);
    number(static_cast<u32>(type));
    this->value(type, value, key);
  }

  void pad(i64 alignment) {
    bytes_.resize(static_cast<std::size_t>(round_up(ssize_of(bytes_), alignment)));
  }

  Bytes bytes() const { return bytes_; }

 private:
  static ValueType type_of(const Json& value, std::string_view key) {
    if (value.is_boolean()) return ValueType::boolean;
    if (value.is_string()) return ValueType::string;
    if (value.is_array()) return ValueType::array;
    if (value.is_number_float()) return ValueType::f32;
    if (value.is_number_unsigned()) {
      const bool fits = value.get<u64>() <= std::numeric_limits<u32>::max();
      return fits ? ValueType::u32 : ValueType::u64;
    }
    if (value.is_number_integer()) {
      const i64 number = value.get<i64>();
      const bool fits =
          number >= std::numeric_limits<i32>::min() && number <= std::numeric_limits<i32>::max();
      return fits ? ValueType::i32 : ValueType::i64;
    }
    fail(ErrorCode::invalid_argument, "key {}: a GGUF file holds no {}", key, value.type_name());
  }

  /// Elements of one type: of numbers the one that all fit.
  static ValueType element_type(const Json& array, std::string_view key) {
    if (array.empty()) return ValueType::u32;
    ValueType type = type_of(array[0], key);
    for (const Json& element : array) {
      const ValueType other = type_of(element, key);
      if (other == type) continue;
      const bool numbers = array[0].is_number() && element.is_number();
      if (!numbers)
        fail(ErrorCode::invalid_argument, "key {}: the array has elements of two types", key);
      type = type == ValueType::f32 || other == ValueType::f32 ? ValueType::f32 : ValueType::i64;
    }
    return type;
  }

  void array(const Json& array, std::string_view key) {
    const ValueType type = element_type(array, key);
    number(static_cast<u32>(type));
    number<u64>(array.size());
    for (const Json& element : array) value(type, element, key);
  }

  std::vector<std::byte> bytes_;
};

void check_names(std::span<const StoredTensor> tensors) {
  std::set<std::string_view> names;
  for (const StoredTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      fail(ErrorCode::invalid_argument, "two tensors to write are named '{}'",
           printable(tensor.name));
    }
  }
}

}  // namespace

void write_gguf(const std::filesystem::path& path, const Json& metadata,
                std::span<const StoredTensor> tensors) {
  check_names(tensors);
  HeadWriter head;
  head.number<u32>(0x46554747);  // "GGUF"
  head.number<u32>(3);
  head.number<u64>(tensors.size());
  head.number<u64>(metadata.size());
  for (const auto& [key, value] : metadata.items()) head.key_value(key, value);
  i64 offset = 0;
  for (const StoredTensor& tensor : tensors) {
    const i64 bytes = checked_bytes(tensor.format, tensor.shape, tensor.name, path.string());
    if (!tensor.join && bytes != ssize_of(tensor.bytes)) {
      fail(ErrorCode::invalid_argument, "tensor '{}' has {} bytes, {} {} needs {}",
           printable(tensor.name), tensor.bytes.size(), layout_of(tensor.format).name,
           tensor.shape.to_string(), bytes);
    }
    head.text(tensor.name);
    const i64 rank = tensor.shape.rank();
    head.number(static_cast<u32>(rank));
    for (i64 axis = rank - 1; axis >= 0; --axis) head.number(static_cast<u64>(tensor.shape[axis]));
    head.number(gguf_type_number(tensor.format));
    head.number(static_cast<u64>(offset));
    offset += round_up(bytes, gguf_alignment);
  }
  head.pad(gguf_alignment);

  PendingFile file(path);
  file.write(head.bytes());
  for (const StoredTensor& tensor : tensors) {
    const StoredTensor whole = in_memory(tensor);
    file.write(whole.bytes);
    const std::vector<std::byte> padding(static_cast<std::size_t>(
        round_up(ssize_of(whole.bytes), gguf_alignment) - ssize_of(whole.bytes)));
    file.write(padding);
  }
  file.finish();
}

}  // namespace medlar::formats
