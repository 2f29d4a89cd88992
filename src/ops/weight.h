#pragma once

#include <memory>
#include <optional>

#include "backend/kernels.h"
#include "ops/context.h"

namespace medlar::ops {

/// An immutable logical matrix [out, in] in any storage format; the only place above the kernels
/// where quantisation exists. Cheap to copy; shared read-only between threads.
struct Weight {
  backend::WeightView view;           ///< data is null on meta
  std::shared_ptr<const void> owner;  ///< keeps view.data alive: a mapped file or a packed copy
  std::optional<Tensor>
      trainable;  ///< [out, in] f32 whose gradient a tape collects; then view shows its rows

  i64 out() const { return view.out; }
  i64 in() const { return view.in; }
  i64 bytes() const;
};

/// A trainable f32 weight over `values` [out, in].
Weight trainable_weight(const Tensor& values);

}  // namespace medlar::ops
