#pragma once

#include <vector>

#include "base/types.h"

namespace medlar::text {

/// Spreads the bits of a key (the finaliser of splitmix64).
constexpr u64 mix_bits(u64 key) {
  key ^= key >> 30;
  key *= 0xbf58476d1ce4e5b9u;
  key ^= key >> 27;
  key *= 0x94d049bb133111ebu;
  return key ^ (key >> 31);
}

/// Map of u64 to u64 with open addressing, at most half full: one cache line a look-up. The key ~0
/// is reserved. Reading is safe from many threads once filled.
class FlatMap {
 public:
  static constexpr u64 empty_key = ~u64{0};

  FlatMap() = default;
  explicit FlatMap(i64 expected) { resize_for(expected); }

  i64 size() const { return size_; }

  /// The value, or null.
  const u64* find(u64 key) const {
    if (slots_.empty()) return nullptr;
    for (u64 at = mix_bits(key) & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.key == key) return &slot.value;
      if (slot.key == empty_key) return nullptr;
    }
  }

  /// Sets the key's value; true if it was new.
  bool set(u64 key, u64 value) {
    if (2 * (size_ + 1) > ssize_of(slots_)) grow();
    u64 at = mix_bits(key) & mask_;
    while (slots_[at].key != empty_key && slots_[at].key != key) at = (at + 1) & mask_;
    const bool is_new = slots_[at].key == empty_key;
    slots_[at] = {key, value};
    size_ += is_new ? 1 : 0;
    return is_new;
  }

 private:
  struct Slot {
    u64 key = empty_key;
    u64 value = 0;
  };

  void resize_for(i64 expected) {
    std::size_t capacity = 16;
    while (capacity < 2 * static_cast<std::size_t>(expected + 1)) capacity *= 2;
    slots_.assign(capacity, Slot{});
    mask_ = capacity - 1;
  }

  void grow() {
    std::vector<Slot> old;
    old.swap(slots_);
    resize_for(old.empty() ? 8 : ssize_of(old));
    size_ = 0;
    for (const Slot& slot : old) {
      if (slot.key != empty_key) set(slot.key, slot.value);
    }
  }

  std::vector<Slot> slots_;
  u64 mask_ = 0;
  i64 size_ = 0;
};

}  // namespace medlar::text
