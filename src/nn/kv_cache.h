#pragma once

#include <vector>

#include "backend/kernels.h"
#include "tensor/tensor.h"

namespace medlar::nn {

/// Sizes of what a model keeps per token and layer.
struct KvShape {
  i64 layers = 0;
  i64 heads = 0;  ///< on this rank
  i64 key_size = 0;
  i64 value_size = 0;
  bool values_in_keys = false;  ///< a value is the first value_size dimensions of its key

  i64 key_floats() const { return heads * backend::key_page_floats(key_size); }  ///< of a page
  i64 value_floats() const {
    return values_in_keys ? 0 : heads * backend::value_page_floats(value_size);
  }
};

/// Pages of 64 tokens for the keys and values of all layers. Holds memory and no policy: who owns
/// which page is the runtime's business. Pages are zero until written; release_page() zeroes them
/// again, so that no patient's record outlives its request.
class KvCache {
 public:
  /// No cache: models attend within the batch.
  KvCache() = default;
  KvCache(Pool& pool, const KvShape& shape, i64 pages);

  /// The pages of one layer, or null without a cache.
  const backend::KvPages* layer(i64 index) const {
    return layers_.empty() ? nullptr : &layers_[static_cast<std::size_t>(index)];
  }
  i64 pages() const { return pages_; }
  void release_page(i64 page);

  /// Bytes that `pages` pages take on all layers.
  static i64 bytes(const KvShape& shape, i64 pages);

 private:
  KvShape shape_;
  std::vector<Tensor> memory_;
  std::vector<backend::KvPages> layers_;
  i64 pages_ = 0;
};

}  // namespace medlar::nn
