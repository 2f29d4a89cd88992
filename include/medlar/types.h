#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

/// What the public calls of medlar take and give: plain values, nothing but the standard library.
namespace medlar {

/// The only exception that medlar's public calls throw of their own. code() is one of a fixed list:
/// usage, not_found, corrupt_file, unsupported, shape_mismatch, invalid_argument, limit_exceeded,
/// out_of_memory, io, cancelled, failed_check, internal. what() says what went wrong, where, and
/// what to do; it never holds text that was given to the model.
class EngineError : public std::runtime_error {
 public:
  EngineError(std::string code, const std::string& message)
      : std::runtime_error(message), code_(std::move(code)) {}

  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

/// How a model is loaded. None of it changes what the model answers.
struct EngineOptions {
  std::int64_t threads = 0;        ///< 0: all processors that this process may use
  std::string isa = "auto";        ///< instruction set: auto, reference, avx2, avx512
  std::int64_t step_tokens = 512;  ///< tokens of a prompt that run in one step
};

/// What to generate. The same options on the same prompt give the same text, on every machine.
struct GenerateOptions {
  std::int64_t max_tokens = 256;
  float temperature = 0.0f;    ///< 0 takes the most likely token each time
  std::int64_t top_k = 0;      ///< sample among the k most likely tokens; 0 = all
  float top_p = 1.0f;          ///< sample among the most likely tokens that together reach p
  std::uint64_t seed = 0;      ///< of the sampling
  bool parse_special = false;  ///< special tokens typed in the prompt count as such
};

/// How a text becomes tokens.
struct TokenizeOptions {
  bool add_special = true;  ///< with the tokens that the model wants around a text (BOS, CLS, SEP)
  bool parse_special = false;  ///< special tokens typed in the text count as such
};

/// A token and the bytes of the text that it came from; 0, 0 for one that was put around it.
struct Token {
  std::int64_t id = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

enum class Pooling {
  mean,  ///< over all tokens, those put around the text included
  cls,   ///< the first token's state
};

/// How a text becomes a vector.
struct EmbedOptions {
  Pooling pooling = Pooling::mean;
  bool normalise = true;  ///< scaled to length 1, so that a dot product is a cosine
};

/// Something that a token classifier found in a text.
struct Entity {
  std::int64_t begin = 0;  ///< bytes of the text, UTF-8
  std::int64_t end = 0;
  std::string label;  ///< the model's own
  float score = 0.0f;
};

/// What a loaded model is.
struct ModelInfo {
  std::string family;           ///< "llama", "bert", ...
  bool generates = false;       ///< continues texts; false: an encoder or a classifier
  std::int64_t context = 0;     ///< tokens it was made for
  std::int64_t vocabulary = 0;  ///< rows of the embedding
  std::int64_t layers = 0;
  std::int64_t dimensions = 0;    ///< width of the hidden states, and of a text's vector
  std::int64_t weight_bytes = 0;  ///< of all weights as held in memory
};

}  // namespace medlar
