#include "nn/kv_cache.h"

#include <algorithm>

#include "base/error.h"

namespace medlar::nn {

KvCache::KvCache(Pool& pool, const KvShape& shape, i64 pages) : shape_(shape), pages_(pages) {
  for (i64 i = 0; i < shape.layers; ++i) {
    Tensor keys = Tensor::zeros(pool, {pages, shape.key_floats()});
    Tensor values = Tensor::zeros(pool, {pages, shape.value_floats()});
    layers_.push_back({.keys = keys.f32(),
                       .values = shape.values_in_keys ? nullptr : values.f32(),
                       .heads = shape.heads,
                       .key_size = shape.key_size,
                       .value_size = shape.value_size});
    memory_.push_back(std::move(keys));
    memory_.push_back(std::move(values));
  }
}

void KvCache::release_page(i64 page) {
  MEDLAR_CHECK(page >= 0 && page < pages_);
  for (const backend::KvPages& layer : layers_) {
    if (layer.keys == nullptr) continue;
    const i64 keys = shape_.key_floats();
    const i64 values = shape_.value_floats();
    std::fill_n(layer.keys + page * keys, keys, 0.0f);
    if (layer.values != nullptr) std::fill_n(layer.values + page * values, values, 0.0f);
  }
}

i64 KvCache::bytes(const KvShape& shape, i64 pages) {
  return shape.layers * pages * (shape.key_floats() + shape.value_floats()) * 4;
}

}  // namespace medlar::nn
