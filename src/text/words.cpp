#include "text/words.h"

#include "text/unicode.h"

namespace medlar::text {
namespace {

bool is_word_part(u32 code_point) {
  return code_point == '_' || (character_class(code_point) & (class_letter | class_number)) != 0;
}

/// White_Space and the four separators U+001C to U+001F, which Python counts as space.
bool is_space(u32 code_point) {
  return (character_class(code_point) & class_space) != 0 ||
         (code_point >= 0x1c && code_point <= 0x1f);
}

/// End of the run of word characters from `at` on.
i64 word_run_end(std::string_view text, i64 at) {
  while (at < ssize_of(text)) {
    const CodePoint next = code_point_at(text, at);
    if (!is_word_part(next.value)) break;
    at += next.bytes;
  }
  return at;
}

}  // namespace

std::vector<ByteRange> split_words(std::string_view text) {
  check_utf8(text);
  std::vector<ByteRange> words;
  for (i64 at = 0; at < ssize_of(text);) {
    const CodePoint first = code_point_at(text, at);
    i64 end = word_run_end(text, at);
    if (end == at) {
      end += first.bytes;
      if (!is_space(first.value)) words.push_back({at, end});
      at = end;
      continue;
    }
    while (end < ssize_of(text) && text[static_cast<std::size_t>(end)] == '-') {
      const i64 joined = word_run_end(text, end + 1);
      if (joined == end + 1) break;
      end = joined;
    }
    words.push_back({at, end});
    at = end;
  }
  return words;
}

}  // namespace medlar::text
