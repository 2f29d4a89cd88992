#include "formats/tensor_checks.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace medlar::formats {
namespace {

/// Length of the well-formed sequence at the front of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<u8>(text[i]); };
  const u8 first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  // The second byte's range shuts out over-long forms, surrogates and what is above U+10FFFF.
  const u8 low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const u8 high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
  }
  return length;
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::size_t max_bytes = 120;
  std::string safe(text.substr(0, max_bytes));
  for (char& c : safe) {
    if (static_cast<u8>(c) < 0x20 || static_cast<u8>(c) >= 0x7f) c = '?';
  }
  return text.size() > max_bytes ? safe + "..." : safe;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Shape checked_shape(std::span<const i64> dims, std::string_view tensor, const std::string& source) {
  if (ssize_of(dims) > Shape::max_rank) {
    fail(ErrorCode::limit_exceeded, "{}: tensor '{}' has rank {}, the limit is {}", source,
         printable(tensor), dims.size(), Shape::max_rank);
  }
  i64 count = 1;
  for (const i64 dim : dims) {
    if (dim < 0) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' has an axis of {}, expected 0 or more", source,
           printable(tensor), dim);
    }
    if (__builtin_mul_overflow(count, dim, &count)) {
      fail(ErrorCode::limit_exceeded, "{}: tensor '{}' of shape [{}] has too many elements", source,
           printable(tensor), fmt::join(dims, ", "));
    }
  }
  return Shape(dims);
}

i64 checked_bytes(QuantFormat format, const Shape& shape, std::string_view tensor,
                  const std::string& source) {
  const QuantLayout& layout = layout_of(format);
  const i64 row = shape.rank() == 0 ? 1 : shape[-1];
  if (row % layout.block_values != 0) {
    fail(ErrorCode::corrupt_file,
         "{}: tensor '{}' has rows of {} values, {} needs a multiple of {}", source,
         printable(tensor), row, layout.name, layout.block_values);
  }
  i64 bytes = 0;
  if (__builtin_mul_overflow(shape.count() / layout.block_values, layout.block_bytes, &bytes)) {
    fail(ErrorCode::limit_exceeded, "{}: tensor '{}' of shape {} has too many bytes", source,
         printable(tensor), shape.to_string());
  }
  return bytes;
}

void check_ranges(std::vector<ClaimedRange>& ranges, i64 size, Gaps gaps,
                  const std::string& source) {
  std::sort(ranges.begin(), ranges.end(), [](const ClaimedRange& a, const ClaimedRange& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  i64 end = 0;
  std::string_view previous = "the start of the data";
  for (const ClaimedRange& range : ranges) {
    if (range.begin == range.end && gaps == Gaps::allowed) continue;
    if (range.begin < end) {
      fail(ErrorCode::corrupt_file, "{}: tensors '{}' and '{}' overlap (at byte {} of the data)",
           source, printable(previous), printable(range.tensor), range.begin);
    }
    if (range.begin > end && gaps == Gaps::refused) {
      fail(ErrorCode::corrupt_file,
           "{}: {} bytes between '{}' and '{}' belong to no tensor (at byte {} of the data)",
           source, range.begin - end, printable(previous), printable(range.tensor), end);
    }
    if (range.end > size) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' ends at byte {} of the data, which has {}",
           source, printable(range.tensor), range.end, size);
    }
    end = range.end;
    previous = range.tensor;
  }
  if (end < size && gaps == Gaps::refused) {
    fail(ErrorCode::corrupt_file,
         "{}: the last {} bytes belong to no tensor (at byte {} of the data)", source, size - end,
         end);
  }
}

void add_tensor(std::map<std::string, StoredTensor, std::less<>>& tensors, StoredTensor tensor,
                const std::string& source) {
  if (tensor.name.empty()) fail(ErrorCode::corrupt_file, "{}: a tensor has no name", source);
  std::string name = tensor.name;
  const auto [place, added] = tensors.emplace(std::move(name), std::move(tensor));
  if (!added) {
    fail(ErrorCode::corrupt_file, "{}: tensor '{}' is there twice", source,
         printable(place->first));
  }
}

}  // namespace medlar::formats
