#pragma once

#include "base/types.h"

/// Numbers of GGUF files that reader and writer share; private to formats/gguf*.cpp.
namespace medlar::formats {

constexpr i64 gguf_alignment = 32;  ///< of tensors, where general.alignment does not say

/// Types of metadata values; the values are the file's.
enum class ValueType : u32 {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};

}  // namespace medlar::formats
