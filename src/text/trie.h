#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "text/flat_map.h"

namespace medlar::text {

/// A set of byte strings with a value each, walked byte by byte. Filled once, then safe to read
/// from many threads.
class Trie {
 public:
  struct Match {
    i64 size = 0;
    i64 value = -1;
  };

  Trie() { first_.fill(-1); }

  bool empty() const { return values_.empty(); }

  /// Adds a string that is not empty; a later value replaces an earlier one.
  void add(std::string_view key, i64 value);

  /// The node after the root for a byte, or -1.
  i64 start(char byte) const { return first_[static_cast<u8>(byte)]; }
  /// The node after `node` for a byte, or -1.
  i64 next(i64 node, char byte) const {
    const u64* found = edges_.find((static_cast<u64>(node) << 8) | static_cast<u8>(byte));
    return found == nullptr ? -1 : static_cast<i64>(*found);
  }
  /// The value of the string that ends at a node, or -1.
  i64 value(i64 node) const { return values_[static_cast<std::size_t>(node)]; }

  /// The longest string of the set that `text` has at `at`.
  std::optional<Match> longest(std::string_view text, i64 at) const;

 private:
  std::array<i64, 256> first_;
  FlatMap edges_;
  std::vector<i64> values_;
};

}  // namespace medlar::text
