#include "base/error.h"
#include "formats/torch_graph.h"
#include "formats/torch_pickle.h"

using namespace medlar;
using namespace medlar::formats;

/// The input is a PyTorch file of either form, and once more the pickle inside one, since fuzzing
/// would not find the CRC of a zip archive by itself.
extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    parse_torch(bytes, "input");
  } catch (const Error&) {
    // what any input may lead to
  }
  try {
    ByteReader reader(bytes, "input");
    const PickleGraph graph = read_pickle(reader);
    const FindStorage input_itself = [&](const TorchStorage&) {
      return StorageContent{bytes, nullptr};
    };
    torch_tensors(graph, input_itself, ssize_of(bytes), "input");
  } catch (const Error&) {
    // what any input may lead to
  }
  return 0;
}
