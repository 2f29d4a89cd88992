#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/json.h"
#include "formats/checkpoint.h"

namespace medlar::formats {

/// What one GGUF file holds: key-values, then tensor descriptions, then the tensors' bytes.
/// Source: ggml docs/gguf.md.
struct GgufFile {
  Json metadata = Json::object();                            ///< in the order of the file
  std::map<std::string, StoredTensor, std::less<>> tensors;  ///< bytes are views of the file
};

/// Where a file stands among the shards of a model.
struct GgufSplit {
  i64 number = 0;  ///< from 0
  i64 count = 1;
  i64 tensor_count = -1;  ///< of all shards together, -1 where the file does not say
};

/// Parses a whole file of version 2 or 3, little-endian. Tensors are views of `file`, each keeping
/// `owner` alive. Throws corrupt_file, unsupported (version, byte order, a tensor type that was
/// removed or is unknown) and limit_exceeded (rank, nesting over 4, 16,777,216 values of metadata).
GgufFile parse_gguf(Bytes file, const std::string& source,
                    std::shared_ptr<const void> owner = nullptr);

/// The split.* keys. Throws corrupt_file if they contradict each other.
GgufSplit gguf_split(const Json& metadata, const std::string& source);

/// Writes a file of version 3: key-values in the order given (whole numbers as u32 or i32 where
/// they fit, else 64 bits wide; other numbers as f32; arrays by their first element), then the
/// tensors in the order given, aligned to 32 bytes. Pieces to be joined are joined one tensor at a
/// time. The file appears under its name only when complete. Throws invalid_argument for a value
/// that the format cannot hold, a repeated name or bytes that do not fit a shape, unsupported for a
/// tensor type that it has no number for, and io.
void write_gguf(const std::filesystem::path& path, const Json& metadata,
                std::span<const StoredTensor> tensors);

/// The number of a format in a file. Throws unsupported for one that files cannot hold.
u32 gguf_type_number(QuantFormat format);

/// The format with this number in a file. Throws unsupported, with the name of a removed one.
QuantFormat gguf_tensor_type(u32 number, std::string_view tensor, const std::string& source);

}  // namespace medlar::formats
