#pragma once

#include <memory>
#include <span>

#include "base/dtype.h"
#include "base/shape.h"
#include "base/types.h"

namespace medlar {

/// Where a tensor's elements lie. `meta` has shapes but no memory.
enum class Device { cpu, meta, cuda };

/// Allocates and recycles the memory of tensors and counts it. Thread-safe; outlived by no
/// guarantee: tensors keep the pool's state alive. On `meta` nothing is allocated, the counts are
/// kept all the same.
class Pool {
 public:
  explicit Pool(Device device);

  Device device() const;
  /// Bytes in living tensors now, and the most there ever were since reset_peak().
  i64 bytes_in_use() const;
  i64 peak_bytes() const;
  void reset_peak();

  struct State;

 private:
  friend class Tensor;
  std::shared_ptr<State> state_;
};

/// A cheap handle to contiguous row-major elements: shared buffer, offset, shape, dtype. Never
/// null. Copies share memory; whoever made a tensor fills it before handing it on, later it is read
/// only.
class Tensor {
 public:
  /// Uninitialised elements. Throws out_of_memory.
  static Tensor empty(Pool& pool, Shape shape, DType dtype = DType::f32);
  static Tensor zeros(Pool& pool, Shape shape, DType dtype = DType::f32);
  /// A copy of host values (cpu) or their shape alone (meta).
  static Tensor of(Pool& pool, Shape shape, std::span<const float> values);
  static Tensor of(Pool& pool, Shape shape, std::span<const i64> values);

  const Shape& shape() const { return shape_; }
  i64 size(i64 axis) const { return shape_[axis]; }
  i64 count() const { return shape_.count(); }
  DType dtype() const { return dtype_; }
  Device device() const;
  /// The same for a tensor and its reshaped views, different for all others: the tape's key.
  u64 id() const { return id_; }

  /// The same elements under another shape of the same count. Throws shape_mismatch.
  Tensor reshape(Shape shape) const;

  /// Elements on the cpu. The dtype is checked; null on meta.
  float* f32();
  const float* f32() const;
  i64* i64s();
  const i64* i64s() const;
  std::span<const float> values() const { return {f32(), static_cast<std::size_t>(count())}; }

 private:
  struct Buffer;
  Tensor(std::shared_ptr<Buffer> buffer, Shape shape, DType dtype);
  const std::byte* data_as(DType dtype) const;

  std::shared_ptr<Buffer> buffer_;
  Shape shape_;
  DType dtype_;
  u64 id_;
};

}  // namespace medlar
