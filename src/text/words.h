#pragma once

#include <string_view>
#include <vector>

#include "text/byte_range.h"

namespace medlar::text {

/// The words of a text as GLiNER splits them: matches of \w+(?:[-_]\w+)*|\S, where \w is a letter,
/// a number or the underscore (Python's re without flags). Throws invalid_argument for bytes that
/// are not UTF-8. Source: gliner/data_processing/tokenizer.py, WhitespaceTokenSplitter.
std::vector<ByteRange> split_words(std::string_view text);

}  // namespace medlar::text
