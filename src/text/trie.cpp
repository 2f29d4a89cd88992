#include "text/trie.h"

#include "base/error.h"

namespace medlar::text {

void Trie::add(std::string_view key, i64 value) {
  MEDLAR_CHECK(!key.empty());
  const auto new_node = [&] {
    values_.push_back(-1);
    return ssize_of(values_) - 1;
  };
  i64& first = first_[static_cast<u8>(key[0])];
  if (first < 0) first = new_node();
  i64 node = first;
  for (char byte : key.substr(1)) {
    i64 child = next(node, byte);
    if (child < 0) {
      child = new_node();
      edges_.set((static_cast<u64>(node) << 8) | static_cast<u8>(byte), static_cast<u64>(child));
    }
    node = child;
  }
  values_[static_cast<std::size_t>(node)] = value;
}

std::optional<Trie::Match> Trie::longest(std::string_view text, i64 at) const {
  std::optional<Match> best;
  i64 node = start(text[static_cast<std::size_t>(at)]);
  for (i64 end = at + 1; node >= 0; ++end) {
    if (value(node) >= 0) best = Match{end - at, value(node)};
    if (end == ssize_of(text)) break;
    node = next(node, text[static_cast<std::size_t>(end)]);
  }
  return best;
}

}  // namespace medlar::text
