#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/load_tokenizer.h"

/// Any bytes as a tokenizer.json; what loads must encode and decode without harm.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medlar::text;
  try {
    const Tokenizer tokenizer = tokenizer_from_json({reinterpret_cast<const char*>(data), size},
                                                    medlar::Json(nullptr), "fuzz");
    for (const char* text : {"", " a  the fever, caf\xc3\xa9 [MASK] <|end|>\n123",
                             "\xe6\x82\xa3\xe8\x80\x85\xf0\x9f\x98\x80"}) {
      const Encoding encoding = tokenizer.encode(
          text, {.special_tokens = SpecialTokens::add, .special_text = SpecialText::parse});
      tokenizer.decode(encoding.ids);
    }
  } catch (const medlar::Error&) {
    return 0;
  }
  return 0;
}
