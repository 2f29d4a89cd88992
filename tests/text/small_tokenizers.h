#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/byte_alphabet.h"
#include "text/load_tokenizer.h"
#include "text/unicode.h"

/// Tokenizers small enough to write down, for tests that need no files.
namespace medlar::text::small {

inline Json added_token(i64 id, const std::string& content, bool special,
                        const Json& more = Json::object()) {
  Json token = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", special}};
  for (const auto& [key, value] : more.items()) token[key] = value;
  return token;
}

/// Byte-level BPE: the 256 bytes, then the merges of "Ġthe", "abc".
inline Json byte_level_json(bool uses_regex = true) {
  Json vocab = Json::object();
  i64 id = 0;
  for (u32 character : byte_alphabet()) vocab[to_utf8(character)] = id++;
  const std::vector<std::pair<std::string, std::string>> merges = {
      {"t", "h"}, {"th", "e"}, {"Ġ", "the"}, {"a", "b"}, {"ab", "c"}, {"b", "c"}, {"a", "a"}};
  Json list = Json::array();
  for (const auto& [left, right] : merges) {
    vocab[left + right] = id++;
    list.push_back(left + " " + right);
  }
  return {{"version", "1.0"},
          {"added_tokens",
           Json::array({added_token(id, "<|end|>", true), added_token(id + 1, "<|user|>", false)})},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", uses_regex}}},
          {"post_processor", nullptr},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", list}}}};
}

inline Json word_piece_json() {
  Json vocab = Json::object();
  i64 id = 0;
  for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fever", "fe", "##ver",
                            "##s", "cafe", ",", "pain", "no"}) {
    vocab[token] = id++;
  }
  return {
      {"added_tokens", Json::array({added_token(1, "[UNK]", true), added_token(2, "[CLS]", true),
                                    added_token(3, "[SEP]", true),
                                    added_token(4, "[MASK]", true, {{"lstrip", true}})})},
      {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}, {"strip_accents", nullptr}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       {{"type", "BertProcessing"}, {"cls", {"[CLS]", 2}}, {"sep", {"[SEP]", 3}}}},
      {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
      {"model",
       {{"type", "WordPiece"},
        {"unk_token", "[UNK]"},
        {"continuing_subword_prefix", "##"},
        {"max_input_chars_per_word", 100},
        {"vocab", vocab}}}};
}

inline Json unigram_json() {
  Json vocab = Json::array();
  const std::vector<std::pair<std::string, double>> pieces = {
      {"<unk>", 0}, {"▁", -2}, {"▁pain", -1}, {"▁p", -3}, {"ain", -3},
      {"p", -5},    {"a", -5}, {"i", -5},     {"n", -5},  {"</s>", -1}};
  for (const auto& [piece, score] : pieces) vocab.push_back({piece, score});
  return {
      {"added_tokens", Json::array({added_token(9, "</s>", true)})},
      {"normalizer", {{"type", "NFKC"}}},
      {"pre_tokenizer",
       {{"type", "Metaspace"},
        {"replacement", "▁"},
        {"prepend_scheme", "always"},
        {"split", true}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
      {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"byte_fallback", false}, {"vocab", vocab}}}};
}

inline Tokenizer from(const Json& json) {
  return tokenizer_from_json(json.dump(), Json(nullptr), "inline tokenizer");
}

}  // namespace medlar::text::small
