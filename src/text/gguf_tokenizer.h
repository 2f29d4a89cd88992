#pragma once

#include <filesystem>

#include "base/json.h"
#include "text/tokenizer.h"

namespace medlar::text {

/// The tokenizer.ggml.* keys that say what the tokenizer files of a folder say, or a tok*.bin of
/// llama2.c, filled up to `rows` tokens, the rows of the embedding. `tokenizer` is theirs. Source:
/// ggml docs/gguf.md, "Tokenizer"; which pre-tokenizer has which name, llama.cpp. Throws
/// unsupported for a tokenizer that the keys cannot say, not_found for a folder without tokenizer
/// files.
Json gguf_tokenizer(const std::filesystem::path& files, const Tokenizer& tokenizer, i64 rows);

}  // namespace medlar::text
