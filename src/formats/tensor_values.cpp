#include "formats/tensor_values.h"

#include <cstring>

#include "base/error.h"

namespace medlar::formats {
namespace {

template <typename Element>
std::vector<i64> widened(const StoredTensor& tensor) {
  std::vector<i64> values(static_cast<std::size_t>(tensor.shape.count()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Element element = 0;
    std::memcpy(&element, tensor.bytes.data() + i * sizeof(Element), sizeof(Element));
    values[i] = static_cast<i64>(+element);  // promoted first: a byte is a number here
  }
  return values;
}

}  // namespace

std::vector<float> to_floats(const StoredTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.count()));
  dequantise(tensor.format, in_memory(tensor).bytes, values);
  return values;
}

std::vector<i64> to_integers(const StoredTensor& tensor) {
  switch (tensor.format) {
    case QuantFormat::i64:
      return widened<i64>(tensor);
    case QuantFormat::u64:
      return widened<u64>(tensor);
    case QuantFormat::i32:
      return widened<i32>(tensor);
    case QuantFormat::u32:
      return widened<u32>(tensor);
    case QuantFormat::i16:
      return widened<i16>(tensor);
    case QuantFormat::u16:
      return widened<u16>(tensor);
    case QuantFormat::i8:
      return widened<i8>(tensor);
    case QuantFormat::u8:
    case QuantFormat::boolean:
      return widened<u8>(tensor);
    default:
      fail(ErrorCode::invalid_argument, "tensor {} is {}, whole numbers are needed", tensor.name,
           layout_of(tensor.format).name);
  }
}

}  // namespace medlar::formats
