#pragma once

#include <filesystem>
#include <vector>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

namespace medlar::runtime {

/// The tokenizer of a model's folder or file: inside a GGUF, beside weights of another kind; the
/// .bin of llama2.c has its tok*.bin beside it. A tokenizer file itself is taken too. Throws as
/// text::load_tokenizer.
text::Tokenizer tokenizer_of(const std::filesystem::path& model);

/// Tokens that end a text: the tokenizer's, the configuration's, the generation configuration's.
/// `config` is the model's, as Runner::config() has it.
std::vector<i64> stop_ids(const text::Tokenizer& tokenizer, const formats::Checkpoint& checkpoint,
                          const Json& config);

}  // namespace medlar::runtime
