#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/load_tokenizer.h"

/// Any bytes as a rank file, a merges.txt with a vocabulary, a BERT vocabulary and a llama2.c
/// vocabulary.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medlar::text;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto attempt = [](auto&& load) {
    try {
      const Tokenizer tokenizer = load();
      tokenizer.decode(tokenizer.encode("Fever of 39.5, caf\xc3\xa9").ids);
    } catch (const medlar::Error&) {
      return;
    }
  };
  attempt([&] { return tokenizer_from_ranks(text, "fuzz"); });
  attempt([&] { return tokenizer_from_vocab_and_merges(text, text, "fuzz"); });
  attempt([&] { return tokenizer_from_bert_vocab(text, medlar::Json(nullptr), "fuzz"); });
  attempt([&] {
    return tokenizer_from_llama2c(std::as_bytes(std::span(text.data(), text.size())), "fuzz");
  });
  return 0;
}
