#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../text/small_tokenizers.h"
#include "base/error.h"

namespace {

using namespace medlar::text;

const std::vector<Tokenizer>& tokenizers() {
  static const std::vector<Tokenizer> all = [] {
    std::vector<Tokenizer> list;
    list.push_back(small::from(small::byte_level_json()));
    list.push_back(small::from(small::word_piece_json()));
    list.push_back(small::from(small::unigram_json()));
    return list;
  }();
  return all;
}

void check(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

/// Any bytes as text: refused, or encoded with ranges inside of it; the byte-level one gives it
/// back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::size_t i = 0; i < tokenizers().size(); ++i) {
    for (SpecialText special_text :
         {SpecialText::parse, SpecialText::plain_special, SpecialText::plain}) {
      try {
        const Encoding encoding = tokenizers()[i].encode(text, {.special_text = special_text});
        for (const ByteRange& range : encoding.offsets) {
          check(range.begin >= 0 && range.begin <= range.end &&
                range.end <= static_cast<medlar::i64>(size));
        }
        const std::string decoded = tokenizers()[i].decode(encoding.ids, SpecialsInText::keep);
        check(i != 0 || decoded == text);
      } catch (const medlar::Error& error) {
        check(error.code() == medlar::ErrorCode::invalid_argument);
      }
    }
  }
  return 0;
}
