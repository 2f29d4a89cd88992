#pragma once

#include <string_view>

#include "base/error.h"
#include "ops/context.h"

namespace medlar::ops {

/// The slot, or an error that names op and backend where the backend lacks it.
template <typename Slot>
Slot* kernel(Slot* slot, const Context& ctx, std::string_view op) {
  if (slot == nullptr)
    fail(ErrorCode::unsupported, "the backend '{}' has no kernel for {}", ctx.kernels.name, op);
  return slot;
}

/// Throws shape_mismatch "op: name has shape [..], expected [..]".
inline void check_shape(std::string_view op, std::string_view name, const Tensor& tensor,
                        const Shape& expected) {
  if (!(tensor.shape() == expected)) {
    fail(ErrorCode::shape_mismatch, "{}: {} has shape {}, expected {}", op, name,
         tensor.shape().to_string(), expected.to_string());
  }
}

inline void check_dtype(std::string_view op, std::string_view name, const Tensor& tensor,
                        DType expected) {
  if (tensor.dtype() != expected) {
    fail(ErrorCode::invalid_argument, "{}: {} is {}, expected {}", op, name,
         name_of(tensor.dtype()), name_of(expected));
  }
}

inline void check_rank(std::string_view op, std::string_view name, const Tensor& tensor, i64 rank) {
  if (tensor.shape().rank() != rank) {
    fail(ErrorCode::shape_mismatch, "{}: {} has shape {}, expected rank {}", op, name,
         tensor.shape().to_string(), rank);
  }
}

/// Indices on the cpu must lie in [0, limit); on meta there is nothing to look at.
inline void check_indices(std::string_view op, std::string_view what, const Tensor& index,
                          i64 limit) {
  if (index.device() == Device::meta) return;
  for (i64 i = 0; i < index.count(); ++i) {
    const i64 value = index.i64s()[i];
    if (value < 0 || value >= limit) {
      fail(ErrorCode::invalid_argument, "{}: {} {} is outside [0, {})", op, what, value, limit);
    }
  }
}

}  // namespace medlar::ops
