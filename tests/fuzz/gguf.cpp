#include "formats/gguf.h"

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const medlar::u8* data, std::size_t size) {
  const medlar::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    const medlar::formats::GgufFile file = medlar::formats::parse_gguf(bytes, "input");
    medlar::formats::gguf_split(file.metadata, "input");
    file.metadata.dump();
  } catch (const medlar::Error&) {
    // what any input may lead to
  }
  return 0;
}
