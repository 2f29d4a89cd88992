#include "text/vocabulary.h"

#include <cstring>

#include "base/error.h"

namespace medlar::text {

u64 hash_bytes(std::string_view bytes) {
  u64 hash = 0x9e3779b97f4a7c15u ^ bytes.size();
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    u64 word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    hash = mix_bits(hash ^ word);
  }
  if (at < bytes.size()) {
    u64 word = 0;
    for (std::size_t i = 0; at + i < bytes.size(); ++i)
      word |= static_cast<u64>(static_cast<u8>(bytes[at + i])) << (8 * i);
    hash = mix_bits(hash ^ word);
  }
  return hash;
}

std::string_view Vocabulary::view(const Entry& entry) const {
  return std::string_view(bytes_).substr(entry.begin, static_cast<std::size_t>(entry.size));
}

void Vocabulary::rehash(std::size_t capacity) {
  const std::vector<u32> old = std::move(slots_);
  slots_.assign(capacity, 0);
  for (u32 slot : old) {
    if (slot == 0) continue;
    std::size_t at = hash_bytes(view(entries_[slot - 1])) & (capacity - 1);
    while (slots_[at] != 0) at = (at + 1) & (capacity - 1);
    slots_[at] = slot;
  }
}

void Vocabulary::add(std::string_view token, i64 id) {
  if (id < 0)
    fail(ErrorCode::invalid_argument, "a token of the vocabulary has the negative id {}", id);
  if (id >= 4 * (count_ + 1) + (i64{1} << 20)) {
    fail(ErrorCode::limit_exceeded, "token id {} is too large for a vocabulary of {} tokens", id,
         count_ + 1);
  }
  if (slots_.size() < 2 * static_cast<std::size_t>(count_ + 1))
    rehash(slots_.empty() ? 64 : 2 * slots_.size());
  if (id >= size()) entries_.resize(static_cast<std::size_t>(id + 1));
  Entry& entry = entries_[static_cast<std::size_t>(id)];
  if (entry.size >= 0 && view(entry) != token) {
    fail(ErrorCode::corrupt_file, "two tokens of the vocabulary have the id {}", id);
  }
  if (entry.size < 0) {
    entry = {bytes_.size(), ssize_of(token)};
    bytes_.append(token);
  }
  std::size_t at = hash_bytes(token) & (slots_.size() - 1);
  while (slots_[at] != 0 && view(entries_[slots_[at] - 1]) != token)
    at = (at + 1) & (slots_.size() - 1);
  if (slots_[at] == 0) ++count_;
  slots_[at] = static_cast<u32>(id + 1);
}

std::optional<i64> Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  for (std::size_t at = hash_bytes(token) & (slots_.size() - 1); slots_[at] != 0;
       at = (at + 1) & (slots_.size() - 1)) {
    if (view(entries_[slots_[at] - 1]) == token) return static_cast<i64>(slots_[at]) - 1;
  }
  return std::nullopt;
}

std::optional<std::string_view> Vocabulary::token(i64 id) const {
  if (id < 0 || id >= size()) return std::nullopt;
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  if (entry.size < 0) return std::nullopt;
  return view(entry);
}

}  // namespace medlar::text
