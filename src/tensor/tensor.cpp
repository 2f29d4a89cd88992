#include "tensor/tensor.h"

#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace medlar {
namespace {

constexpr i64 alignment = 64;  // one cache line, one AVX-512 register

// Freed blocks kept for reuse; beyond this the largest go back to the system.
constexpr i64 cached_bytes_limit = i64{1} << 30;

/// Bytes of the block for a tensor of so many: large ones in steps of an eighth, so that a training
/// whose batches differ by a few tokens finds the blocks of the last step again.
i64 block_bytes(i64 bytes) {
  constexpr i64 small = 1 << 16;
  if (bytes <= small) return bytes;
  const i64 step = static_cast<i64>(std::bit_floor(static_cast<u64>(bytes))) / 8;
  return round_up(bytes, step);
}

std::atomic<u64>& next_tensor_id() {
  static std::atomic<u64> next{1};
  return next;
}

}  // namespace

struct Pool::State {
  Device device;
  std::mutex mutex;
  std::multimap<i64, void*> free_blocks;
  i64 cached = 0;
  i64 in_use = 0;
  i64 peak = 0;

  explicit State(Device where) : device(where) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (const auto& [bytes, block] : free_blocks) std::free(block);
  }

  void* take(i64 bytes) {
    const std::lock_guard lock(mutex);
    in_use += bytes;
    peak = std::max(peak, in_use);
    if (device == Device::meta) return nullptr;
    const auto found = free_blocks.find(block_bytes(bytes));
    if (found != free_blocks.end()) {
      void* block = found->second;
      cached -= found->first;
      free_blocks.erase(found);
      return block;
    }
    void* block = std::aligned_alloc(alignment, static_cast<std::size_t>(block_bytes(bytes)));
    if (block == nullptr) {
      in_use -= bytes;
      fail(ErrorCode::out_of_memory, "cannot allocate {} bytes for a tensor; {} bytes are in use",
           bytes, in_use);
    }
    return block;
  }

  void give_back(void* block, i64 bytes) {
    const std::lock_guard lock(mutex);
    in_use -= bytes;
    if (block == nullptr) return;
    free_blocks.emplace(block_bytes(bytes), block);
    cached += block_bytes(bytes);
    while (cached > cached_bytes_limit) {
      const auto largest = std::prev(free_blocks.end());
      cached -= largest->first;
      std::free(largest->second);
      free_blocks.erase(largest);
    }
  }
};

struct Tensor::Buffer {
  std::shared_ptr<Pool::State> pool;
  void* data;
  i64 bytes;

  Buffer(std::shared_ptr<Pool::State> state, i64 size)
      : pool(std::move(state)), data(pool->take(size)), bytes(size) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { pool->give_back(data, bytes); }
};

Pool::Pool(Device device) : state_(std::make_shared<State>(device)) {}

Device Pool::device() const { return state_->device; }

i64 Pool::bytes_in_use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->in_use;
}

i64 Pool::peak_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->peak;
}

void Pool::reset_peak() {
  const std::lock_guard lock(state_->mutex);
  state_->peak = state_->in_use;
}

Tensor::Tensor(std::shared_ptr<Buffer> buffer, Shape shape, DType dtype)
    : buffer_(std::move(buffer)),
      shape_(shape),
      dtype_(dtype),
      id_(next_tensor_id().fetch_add(1)) {}

Tensor Tensor::empty(Pool& pool, Shape shape, DType dtype) {
  i64 bytes = 0;
  if (__builtin_mul_overflow(shape.count(), size_of(dtype), &bytes)) {
    fail(ErrorCode::limit_exceeded, "a tensor of shape {} is too large", shape.to_string());
  }
  return {std::make_shared<Buffer>(pool.state_, round_up(std::max(bytes, i64{1}), alignment)),
          shape, dtype};
}

Tensor Tensor::zeros(Pool& pool, Shape shape, DType dtype) {
  Tensor tensor = empty(pool, shape, dtype);
  if (tensor.buffer_->data != nullptr) {
    std::memset(tensor.buffer_->data, 0, static_cast<std::size_t>(tensor.buffer_->bytes));
  }
  return tensor;
}

Tensor Tensor::of(Pool& pool, Shape shape, std::span<const float> values) {
  Tensor tensor = empty(pool, shape, DType::f32);
  MEDLAR_CHECK(ssize_of(values) == tensor.count());
  if (tensor.buffer_->data != nullptr && !values.empty()) {
    std::memcpy(tensor.buffer_->data, values.data(), values.size_bytes());
  }
  return tensor;
}

Tensor Tensor::of(Pool& pool, Shape shape, std::span<const i64> values) {
  Tensor tensor = empty(pool, shape, DType::i64);
  MEDLAR_CHECK(ssize_of(values) == tensor.count());
  if (tensor.buffer_->data != nullptr && !values.empty()) {
    std::memcpy(tensor.buffer_->data, values.data(), values.size_bytes());
  }
  return tensor;
}

Device Tensor::device() const { return buffer_->pool->device; }

Tensor Tensor::reshape(Shape shape) const {
  if (shape.count() != count()) {
    fail(ErrorCode::shape_mismatch, "cannot see a tensor of shape {} as {}", shape_.to_string(),
         shape.to_string());
  }
  Tensor view = *this;
  view.shape_ = shape;
  return view;
}

const std::byte* Tensor::data_as(DType dtype) const {
  MEDLAR_CHECK(dtype == dtype_);
  return static_cast<const std::byte*>(buffer_->data);
}

float* Tensor::f32() {
  return reinterpret_cast<float*>(const_cast<std::byte*>(data_as(DType::f32)));
}
const float* Tensor::f32() const { return reinterpret_cast<const float*>(data_as(DType::f32)); }
i64* Tensor::i64s() { return reinterpret_cast<i64*>(const_cast<std::byte*>(data_as(DType::i64))); }
const i64* Tensor::i64s() const { return reinterpret_cast<const i64*>(data_as(DType::i64)); }

}  // namespace medlar
