#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "formats/sentencepiece_model.h"

namespace medlar::formats {

/// A model of llama2.c's first format (karpathy/llama2.c run.c, "legacy export"): seven i32, then
/// f32.
struct Llama2cFile {
  Json config = Json::object();  ///< the header, under the keys of Hugging Face's LlamaConfig
  std::map<std::string, StoredTensor, std::less<>> tensors;  ///< "layers.0.wq.weight", ...
};

/// Parses a whole file; tensors are views of it, each keeping `owner` alive. The file has no mark:
/// it is known by a header that agrees exactly with its length. Throws corrupt_file.
Llama2cFile parse_llama2c(Bytes file, const std::string& source,
                          std::shared_ptr<const void> owner = nullptr);

/// True if the header agrees with the length of the file.
bool looks_like_llama2c(Bytes file);

/// A tok*.bin: the length of the longest token, then of each its score, length and text; a
/// byte-pair encoding with byte fallback. Throws corrupt_file.
SentencePieceModel parse_llama2c_vocabulary(Bytes bytes, const std::string& source);

}  // namespace medlar::formats
