#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace medlar::text::jinja {

enum class TokenKind {
  data,          ///< text outside the tags, white space already trimmed
  output_begin,  ///< {{
  output_end,
  block_begin,  ///< {%
  block_end,
  name,
  string,  ///< `text` is the decoded value
  integer,
  real,
  symbol,  ///< an operator or a bracket
  end,
};

struct Token {
  TokenKind kind;
  std::string text;
  i64 line;
};

/// Splits a template into tokens, with trim_blocks and lstrip_blocks on, comments and raw blocks
/// resolved and one newline at the end of the source dropped. Throws corrupt_file with the line.
std::vector<Token> tokenize(std::string_view source);

}  // namespace medlar::text::jinja
