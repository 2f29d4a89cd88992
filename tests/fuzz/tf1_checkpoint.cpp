#include "formats/tf1_checkpoint.h"

#include <cstring>

#include "base/error.h"
#include "formats/crc32c.h"

namespace {

using medlar::u32;
using medlar::u64;
using medlar::u8;

medlar::Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

template <typename T>
std::string raw(T value) {
  std::string text(sizeof(T), '\0');
  std::memcpy(text.data(), &value, sizeof(T));
  return text;
}

/// A handle whose numbers take five bytes each, so that any offset has the same length.
std::string handle(u64 offset, u64 size) {
  std::string text;
  for (const u64 number : {offset, size}) {
    for (int i = 0; i < 4; ++i) text += static_cast<char>((number >> (7 * i) & 0x7f) | 0x80);
    text += static_cast<char>(number >> 28 & 0x7f);
  }
  return text;
}

std::string with_trailer(std::string block) {
  block += '\0';
  return block + raw<u32>(medlar::formats::masked_crc32c(medlar::formats::crc32c(bytes_of(block))));
}

/// A table whose one data block is `block`: fuzzing would not find the CRCs by itself.
std::string table_around(const std::string& block) {
  const std::string data = with_trailer(block);
  const std::string index_block =
      std::string("\0\1\12k", 4) + handle(0, block.size()) + raw<u32>(0) + raw<u32>(1);
  std::string footer = handle(0, 0) + handle(data.size(), index_block.size());
  footer.resize(40, '\0');
  return data + with_trailer(index_block) + footer + raw<u64>(0xdb4775248b80fb57);
}

void parse(medlar::Bytes bytes) {
  try {
    const medlar::formats::Tf1Index index = medlar::formats::parse_tf1_index(bytes, "input");
    const std::vector<medlar::formats::Tf1Shard> shards(static_cast<std::size_t>(index.shard_count),
                                                        {bytes, nullptr, "input"});
    medlar::formats::tf1_tensors(index, shards);
  } catch (const medlar::Error&) {
    // what any input may lead to
  }
}

}  // namespace

/// The input is an index file, and once more the data block of one; its own bytes stand for the
/// shards.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  parse(bytes_of(input));
  const std::string table = table_around(input);
  parse(bytes_of(table));
  return 0;
}
