#pragma once

#include <vector>

#include "base/types.h"

namespace medlar::runtime {

/// Which pages of a cache are free. Hands out the lowest free number first, so that the same
/// requests get the same pages. One owner.
class BlockPool {
 public:
  explicit BlockPool(i64 pages);

  i64 free_pages() const { return ssize_of(free_); }
  i64 pages() const { return pages_; }
  /// The lowest free page. There must be one.
  i64 take();
  void give_back(i64 page);

 private:
  i64 pages_;
  std::vector<i64> free_;  ///< a heap with the lowest page on top
};

}  // namespace medlar::runtime
