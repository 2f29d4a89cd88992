#pragma once

#include "base/types.h"

namespace medlar::text {

/// Bytes [begin, end) of a UTF-8 text.
struct ByteRange {
  i64 begin = 0;
  i64 end = 0;

  i64 size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

}  // namespace medlar::text
