#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "text/flat_map.h"

namespace medlar::text {

/// Hash of a string for FlatMap-like tables, 64 bits.
u64 hash_bytes(std::string_view bytes);

/// Strings and their ids, both ways. Filled once, then safe to read from many threads; views live
/// as long as the object.
class Vocabulary {
 public:
  /// Adds a token. A string that is there already keeps its first id for `find` only if the new id
  /// is the same; otherwise the last one wins, as in a JSON object with a key twice. Throws
  /// invalid_argument for a negative id, limit_exceeded for one that leaves too large a hole
  /// (ids must stay below 4 x tokens + 1,048,576).
  void add(std::string_view token, i64 id);

  std::optional<i64> find(std::string_view token) const;
  /// The token's string; empty optional for an id without one.
  std::optional<std::string_view> token(i64 id) const;
  /// Largest id + 1.
  i64 size() const { return ssize_of(entries_); }
  /// Number of different strings.
  i64 count() const { return count_; }

 private:
  struct Entry {
    u64 begin = 0;
    i64 size = -1;  ///< -1: no token with this id
  };

  std::string_view view(const Entry& entry) const;
  void rehash(std::size_t capacity);

  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<u32> slots_;  ///< id + 1, or 0
  i64 count_ = 0;
};

}  // namespace medlar::text
