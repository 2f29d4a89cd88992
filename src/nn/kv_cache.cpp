#include "nn/kv_cache.h"

#include <algorithm>

#include "base/error.h"

namespace medlar::nn {

using backend::key_page_floats;
using backend::value_page_floats;

KvCache::KvCache(Pool& pool, const KvShape& shape, i64 pages) : pages_(pages) {
  for (i64 i = 0; i < shape.layers; ++i) {
    Tensor keys = Tensor::zeros(pool, {pages, shape.heads, key_page_floats(shape.key_size)});
    Tensor values = Tensor::zeros(pool, {pages, shape.heads, value_page_floats(shape.value_size)});
    layers_.push_back({.keys = keys.f32(),
                       .values = values.f32(),
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
    const i64 keys = layer.heads * key_page_floats(layer.key_size);
    const i64 values = layer.heads * value_page_floats(layer.value_size);
    std::fill_n(layer.keys + page * keys, keys, 0.0f);
    std::fill_n(layer.values + page * values, values, 0.0f);
  }
}

i64 KvCache::bytes(const KvShape& shape, i64 pages) {
  return shape.layers * pages * shape.heads *
         (key_page_floats(shape.key_size) + value_page_floats(shape.value_size)) * 4;
}

}  // namespace medlar::nn
