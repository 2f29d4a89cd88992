#pragma once

#include <filesystem>

#include "base/json.h"
#include "text/tokenizer.h"

namespace medlar::text {

/// The tokenizer.ggml.* keys that say what a model folder's tokenizer files say, filled up to
/// `rows` tokens, the rows of the embedding. `tokenizer` is the one loaded from the folder. Source:
/// ggml docs/gguf.md, "Tokenizer"; which pre-tokenizer has which name, llama.cpp. Throws
/// unsupported for a tokenizer that the keys cannot say, not_found for a folder without tokenizer
/// files.
Json gguf_tokenizer(const std::filesystem::path& folder, const Tokenizer& tokenizer, i64 rows);

}  // namespace medlar::text
