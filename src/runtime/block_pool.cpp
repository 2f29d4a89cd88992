#include "runtime/block_pool.h"

#include <algorithm>
#include <functional>

#include "base/error.h"

namespace medlar::runtime {

BlockPool::BlockPool(i64 pages) : pages_(pages) {
  for (i64 page = 0; page < pages; ++page) free_.push_back(page);  // ascending: already a heap
}

i64 BlockPool::take() {
  MEDLAR_CHECK(!free_.empty());
  std::pop_heap(free_.begin(), free_.end(), std::greater<>());
  const i64 page = free_.back();
  free_.pop_back();
  return page;
}

void BlockPool::give_back(i64 page) {
  MEDLAR_CHECK(page >= 0 && page < pages_);
  free_.push_back(page);
  std::push_heap(free_.begin(), free_.end(), std::greater<>());
}

}  // namespace medlar::runtime
