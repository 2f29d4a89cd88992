#include "text/mark_scanner.h"

#include <algorithm>
#include <utility>

namespace medlar::text {
namespace {

/// Begin of the longest end of `text` that a mark could begin with; text.size() if there is none.
std::size_t possible_begin(std::string_view text, std::span<const std::string_view> marks) {
  std::size_t begin = text.size();
  for (const std::string_view mark : marks) {
    const std::size_t longest = std::min(mark.size() - 1, text.size());
    for (std::size_t size = longest; size > 0; --size) {
      if (!mark.starts_with(text.substr(text.size() - size))) continue;
      begin = std::min(begin, text.size() - size);
      break;
    }
  }
  return begin;
}

}  // namespace

void MarkScanner::feed(std::string_view text, const std::function<void()>& run) {
  constexpr std::size_t slice = 4096;
  while (!text.empty()) {
    pending_ += text.substr(0, slice);
    text.remove_prefix(std::min(slice, text.size()));
    run();
  }
}

std::string MarkScanner::take(std::size_t count) {
  std::string taken = pending_.substr(0, count);
  pending_.erase(0, count);
  return taken;
}

std::optional<MarkScanner::Part> MarkScanner::next(std::span<const std::string_view> marks) {
  std::size_t begin = std::string::npos;
  std::size_t size = 0;
  for (const std::string_view mark : marks) {
    const std::size_t found = pending_.find(mark);
    if (found == std::string::npos) continue;
    if (found < begin || (found == begin && mark.size() > size)) {
      begin = found;
      size = mark.size();
    }
  }
  if (begin == 0) return Part{.text = take(size), .is_mark = true};
  const std::size_t end = begin != std::string::npos ? begin : possible_begin(pending_, marks);
  if (end == 0) return std::nullopt;
  return Part{.text = take(end), .is_mark = false};
}

}  // namespace medlar::text
