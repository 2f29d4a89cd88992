#pragma once

#include <string_view>

#include "base/types.h"

namespace medlar {

/// Element type of a Tensor. How *weights* lie in storage is QuantFormat (base/quant.h).
enum class DType { f32, f16, bf16, i64, i32, u8 };

/// Bytes of one element.
constexpr i64 size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 4;
    case DType::f16:
      return 2;
    case DType::bf16:
      return 2;
    case DType::i64:
      return 8;
    case DType::i32:
      return 4;
    case DType::u8:
      return 1;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::f16:
      return "f16";
    case DType::bf16:
      return "bf16";
    case DType::i64:
      return "i64";
    case DType::i32:
      return "i32";
    case DType::u8:
      return "u8";
  }
  return "?";
}

}  // namespace medlar
