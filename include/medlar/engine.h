#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medlar/types.h"

namespace medlar {

/// Called with each new piece of a text, complete UTF-8 characters only; false ends the generation.
/// It may tokenize, but not generate or embed with the same engine, which waits for it. What it
/// throws reaches the caller of generate() unchanged.
using OnText = std::function<bool(std::string_view)>;

/// One open model with its tokenizer:
///
///     medlar::Engine engine = medlar::Engine::open("models/stories260K");
///     std::cout << engine.generate("Once upon a time", {.max_tokens = 50});
///
/// Many threads may use one engine at once: those that run the model wait for one another, the rest
/// do not. Everything that is returned is the caller's. An engine that was moved from may only be
/// destroyed or assigned to. Texts must be UTF-8. Every function throws EngineError and says below
/// what for.
class Engine {
 public:
  /// Opens a folder or file as published: safetensors, PyTorch, GGUF, TensorFlow 1 or llama2.c,
  /// with its tokenizer beside or inside. Throws not_found, corrupt_file, unsupported,
  /// shape_mismatch, invalid_argument (an option), out_of_memory, io.
  static Engine open(const std::filesystem::path& model, const EngineOptions& options = {});

  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// The text that follows a prompt (an empty one: the start of a text), without it. Ends at a
  /// token that ends texts, at max_tokens, or when on_text says so. Throws invalid_argument for a
  /// prompt that is no UTF-8 or an option out of range, unsupported for a model that does not
  /// generate, out_of_memory.
  std::string generate(std::string_view prompt, const GenerateOptions& options = {},
                       const OnText& on_text = {});

  /// Throws invalid_argument for a text that is no UTF-8.
  std::vector<Token> tokenize(std::string_view text, const TokenizeOptions& options = {}) const;

  /// The text of ids without special tokens; ids that the tokenizer lacks are left out.
  std::string detokenize(const std::vector<std::int64_t>& ids) const;

  /// A vector of info().dimensions floats for each text. Texts beyond the model's context are cut
  /// to it. Throws invalid_argument for a text that is no UTF-8, unsupported for a model that is no
  /// bare encoder.
  std::vector<std::vector<float>> embed(const std::vector<std::string>& texts,
                                        const EmbedOptions& options = {});

  /// The entities of a text of any length by their begin. `aggregation` says how tokens are put
  /// together: simple, first, average, max, or none (labels as the model has them). Throws
  /// invalid_argument for a text that is no UTF-8, usage for another aggregation, unsupported for a
  /// model that labels no tokens.
  std::vector<Entity> entities(std::string_view text, const std::string& aggregation = "simple");

  ModelInfo info() const;

 private:
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace medlar
