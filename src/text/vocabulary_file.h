#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace medlar::text {

/// A tokenizer.json read in one pass. Vocabulary and merges, which may have a million entries, go
/// to flat lists; the rest, which is small, to Json.
struct TokenizerFile {
  Json rest = Json::object();                         ///< all but model.vocab and model.merges
  std::vector<std::pair<std::string, i64>> vocab;     ///< model.vocab as an object
  std::vector<std::pair<std::string, float>> scores;  ///< model.vocab as a list of [piece, score]
  std::vector<std::pair<std::string, std::string>> merges;  ///< model.merges, "a b" or ["a", "b"]
};

/// Throws corrupt_file for bad syntax or structure, limit_exceeded for nesting deeper than 64 and
/// for objects of the rest with over 4,096 keys.
TokenizerFile parse_tokenizer_file(std::string_view json, const std::string& source);

/// A vocab.json: one object of token to id. Throws as parse_tokenizer_file does.
std::vector<std::pair<std::string, i64>> parse_vocab_json(std::string_view json,
                                                          const std::string& source);

}  // namespace medlar::text
