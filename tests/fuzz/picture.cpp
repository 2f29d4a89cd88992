#include "formats/picture.h"
#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const medlar::u8* data, std::size_t size) {
  const medlar::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    medlar::formats::decode_picture(bytes, "input");
  } catch (const medlar::Error&) {
    // what any input may lead to
  }
  return 0;
}
