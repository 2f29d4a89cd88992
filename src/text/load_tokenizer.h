#pragma once

#include <filesystem>
#include <string_view>

#include "base/json.h"
#include "text/tokenizer.h"

namespace medlar::text {

/// Loads a tokenizer as published.
/// A folder: tokenizer.json, else tokenizer.model or another SentencePiece or rank file, else
/// vocab.json with merges.txt, else vocab.txt, else a .gguf; tokenizer_config.json beside it is
/// heeded. A file: *.json (tokenizer.json or vocab.json with merges beside it; .gz too), *.model
/// (SentencePiece or tiktoken ranks, told apart by content), *.tiktoken, *vocab.txt, *.bin
/// (llama2.c), *.txt.gz (CLIP's merges), *.gguf. Throws not_found, corrupt_file, unsupported
/// (naming what is not known), limit_exceeded.
Tokenizer load_tokenizer(const std::filesystem::path& path);

/// A tokenizer.json and, where there is one (else null), its tokenizer_config.json.
Tokenizer tokenizer_from_json(std::string_view json, const Json& config, const std::string& source);

/// GPT-2's vocab.json and merges.txt.
Tokenizer tokenizer_from_vocab_and_merges(std::string_view vocab_json, std::string_view merges,
                                          const std::string& source);

/// BERT's vocab.txt. Without `do_lower_case` in the config, a vocabulary without capital letters is
/// taken for a lower-cased one.
Tokenizer tokenizer_from_bert_vocab(std::string_view vocab, const Json& config,
                                    const std::string& source);

/// The merges of CLIP's bpe_simple_vocab_16e6.txt.
Tokenizer tokenizer_from_clip_merges(std::string_view merges, const std::string& source);

/// A rank file of tiktoken (base64 of the bytes, a space, the rank; one a line). Pattern and
/// special tokens follow from the number of ranks: r50k, p50k, cl100k, o200k (with harmony's
/// specials), Llama 3.
Tokenizer tokenizer_from_ranks(std::string_view ranks, const std::string& source);

/// The tok*.bin of llama2.c: SentencePiece's byte-pair encoding with byte fallback.
Tokenizer tokenizer_from_llama2c(Bytes bytes, const std::string& source);

/// A SentencePiece .model file.
Tokenizer tokenizer_from_sentencepiece(Bytes bytes, const std::string& source);

/// The tokenizer.ggml.* keys of a GGUF file. Throws unsupported naming a model or `pre` that is not
/// known.
Tokenizer tokenizer_from_gguf(const Json& metadata);

}  // namespace medlar::text
