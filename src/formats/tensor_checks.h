#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "formats/checkpoint.h"

namespace medlar::formats {

/// Text from a file made safe to print: control bytes become '?', what is over 120 bytes is cut.
std::string printable(std::string_view text);

/// True if the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing over-long).
bool is_utf8(std::string_view text);

/// The shape of a stored tensor. Throws limit_exceeded (rank over 5, too many elements) or
/// corrupt_file (a negative size), naming the source and the tensor.
Shape checked_shape(std::span<const i64> dims, std::string_view tensor, const std::string& source);

/// Bytes that a tensor of this format and shape takes, its rows whole blocks. Throws as
/// checked_shape.
i64 checked_bytes(QuantFormat format, const Shape& shape, std::string_view tensor,
                  const std::string& source);

/// A range of bytes that a tensor claims.
struct ClaimedRange {
  i64 begin;
  i64 end;  ///< >= begin
  std::string_view tensor;
};

enum class Gaps { allowed, refused };

/// Checks that no two ranges overlap, and with Gaps::refused that they cover [0, size) exactly.
/// Sorts the ranges by their begin. Throws corrupt_file naming the tensors.
void check_ranges(std::vector<ClaimedRange>& ranges, i64 size, Gaps gaps,
                  const std::string& source);

/// Adds a tensor; throws corrupt_file if the name is empty or already there.
void add_tensor(std::map<std::string, StoredTensor, std::less<>>& tensors, StoredTensor tensor,
                const std::string& source);

}  // namespace medlar::formats
