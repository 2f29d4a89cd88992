#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/checkpoint.h"

namespace medlar::formats {

/// What one .safetensors file holds: an 8-byte header size, a JSON header, the tensors' bytes.
/// Source: https://github.com/huggingface/safetensors (README, "Format").
struct SafetensorsFile {
  std::map<std::string, StoredTensor, std::less<>> tensors;  ///< bytes are views of the file
  std::map<std::string, std::string, std::less<>> metadata;  ///< "__metadata__"
};

/// Parses a whole file. Tensors are views of `file`, each keeping `owner` alive; they may be
/// misaligned. Throws corrupt_file, limit_exceeded (header over 100 MB, rank over 5), unsupported
/// (another dtype).
SafetensorsFile parse_safetensors(Bytes file, const std::string& source,
                                  std::shared_ptr<const void> owner = nullptr);

/// The dtype's name in a header ("F32", "BOOL", ...). Throws unsupported for block formats.
std::string_view safetensors_dtype(QuantFormat format);

/// Writes a file: tensors in order of falling element size, then by name, as the reference does, so
/// that each is aligned. The file appears under its name only when complete. Pieces to be joined
/// are joined one tensor at a time. Throws invalid_argument for a size that does not match, a
/// repeated name or a name of the format's own, unsupported for block formats, and io.
void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace medlar::formats
