#include "text/merges.h"

#include <array>
#include <functional>
#include <limits>
#include <queue>

#include "base/error.h"

namespace medlar::text {
namespace {

constexpr i64 scan_limit = 48;  // symbols; above it the heap is faster (measured, English words)

u64 key_of(i64 left, i64 right) { return (static_cast<u64>(left) << 32) | static_cast<u64>(right); }

}  // namespace

void Merges::add(i64 left, i64 right, Merge merge) {
  constexpr i64 limit = std::numeric_limits<u32>::max();
  MEDLAR_CHECK(left >= 0 && right >= 0 && merge.id >= 0 && merge.rank >= 0);
  MEDLAR_CHECK(left < limit && right < limit && merge.id < limit && merge.rank < limit);
  pairs_.set(key_of(left, right), key_of(merge.rank, merge.id));
}

std::optional<Merges::Merge> Merges::find(i64 left, i64 right) const {
  if (left < 0 || right < 0) return std::nullopt;
  const u64* found = pairs_.find(key_of(left, right));
  if (found == nullptr) return std::nullopt;
  return Merge{static_cast<i64>(*found >> 32), static_cast<i64>(*found & 0xffffffffu)};
}

void Merges::apply(std::vector<Symbol>& symbols) const {
  if (symbols.size() < 2) return;
  if (ssize_of(symbols) <= scan_limit) {
    apply_by_scan(symbols);
  } else {
    apply_by_heap(symbols);
  }
}

void Merges::apply_by_scan(std::vector<Symbol>& symbols) const {
  constexpr u64 none = ~u64{0};  // (rank, id) packed: the smallest is the lowest rank
  std::array<u64, scan_limit> packed;
  std::size_t count = symbols.size();
  const auto look_up = [&](std::size_t i) {
    const Symbol& left = symbols[i];
    const Symbol& right = symbols[i + 1];
    if (left.id < 0 || right.id < 0) return none;
    const u64* found = pairs_.find(key_of(left.id, right.id));
    return found == nullptr ? none : *found;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) packed[i] = look_up(i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if ((packed[i] >> 32) < (packed[best] >> 32)) best = i;
    }
    if (packed[best] == none) break;
    symbols[best].id = static_cast<i64>(packed[best] & 0xffffffffu);
    symbols[best].range.end = symbols[best + 1].range.end;
    for (std::size_t i = best + 1; i + 1 < count; ++i) symbols[i] = symbols[i + 1];
    for (std::size_t i = best + 1; i + 2 < count; ++i) packed[i] = packed[i + 1];
    --count;
    if (best + 1 < count) packed[best] = look_up(best);
    if (best > 0) packed[best - 1] = look_up(best - 1);
  }
  symbols.resize(count);
}

void Merges::apply_by_heap(std::vector<Symbol>& symbols) const {
  struct Node {
    i64 previous;
    i64 next;
  };
  struct Candidate {
    u64 order;  ///< rank << 32 | place: lower ranks first, of equal ones the leftmost
    u32 left;
    u32 right;
    u32 id;
    bool operator>(const Candidate& other) const { return order > other.order; }
  };
  const i64 count = ssize_of(symbols);
  std::vector<Node> nodes(symbols.size());
  const auto node = [&](i64 i) -> Node& { return nodes[static_cast<std::size_t>(i)]; };
  const auto symbol = [&](i64 i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
  for (i64 i = 0; i < count; ++i) node(i) = {i - 1, i + 1 < count ? i + 1 : -1};
  std::vector<bool> is_gone(symbols.size(), false);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](i64 left, i64 right) {
    if (left < 0 || right < 0) return;
    const i64 left_id = symbol(left).id;
    const i64 right_id = symbol(right).id;
    const std::optional<Merge> merge = find(left_id, right_id);
    if (!merge) return;
    queue.push({key_of(merge->rank, left), static_cast<u32>(left_id), static_cast<u32>(right_id),
                static_cast<u32>(merge->id)});
  };
  for (i64 i = 0; i + 1 < count; ++i) offer(i, i + 1);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    const i64 at = static_cast<i64>(top.order & 0xffffffffu);
    if (is_gone[static_cast<std::size_t>(at)] || symbol(at).id != top.left) continue;
    const i64 right = node(at).next;
    if (right < 0 || symbol(right).id != top.right) continue;
    symbol(at).id = top.id;
    symbol(at).range.end = symbol(right).range.end;
    is_gone[static_cast<std::size_t>(right)] = true;
    node(at).next = node(right).next;
    if (node(right).next >= 0) node(node(right).next).previous = at;
    offer(node(at).previous, at);
    offer(at, node(at).next);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (!is_gone[i]) symbols[kept++] = symbols[i];
  }
  symbols.resize(kept);
}

}  // namespace medlar::text
