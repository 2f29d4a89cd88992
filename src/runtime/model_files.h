#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "formats/checkpoint.h"
#include "text/chat_template.h"
#include "text/model_output.h"
#include "text/tokenizer.h"

namespace medlar::runtime {

/// Which weights a vision tower has, where a checkpoint comes with its own and the reference loads
/// the tower's stock ones (LLaVA-Med).
enum class VisionWeights { checkpoint, stock };

/// How a model's files are put together.
struct ModelFiles {
  VisionWeights vision = VisionWeights::checkpoint;
  std::vector<std::filesystem::path> adapters = {};  ///< folders of LoRA adapters, put on in turn
};

/// Opens a checkpoint with what lies beside it: the folder "clip" describes the vision tower where
/// the model's configuration does not, and holds the stock weights. Throws as open_checkpoint and
/// apply_lora;
/// not_found for stock weights that are not there, unsupported for a model without a tower to
/// exchange.
formats::Checkpoint open_model(const std::filesystem::path& path, const ModelFiles& files = {});

/// The tokenizer of a model's folder or file: inside a GGUF, beside weights of another kind; the
/// .bin of llama2.c has its tok*.bin beside it. A tokenizer file itself is taken too. Throws as
/// text::load_tokenizer.
text::Tokenizer tokenizer_of(const std::filesystem::path& model);

/// Where that tokenizer is: a folder or a file.
std::filesystem::path tokenizer_path(const std::filesystem::path& model);

/// Tokens that end a text: the tokenizer's, the configuration's, the generation configuration's.
/// `config` is the model's, as Runner::config() has it.
std::vector<i64> stop_ids(const text::Tokenizer& tokenizer, const formats::Checkpoint& checkpoint,
                          const Json& config);

/// The chat template of a model's folder or file; empty where it has none. Throws as
/// text::load_chat_template for one that is broken.
std::optional<text::ChatTemplate> chat_template_of(
    const std::filesystem::path& model, text::TemplateUse use = text::TemplateUse::plain);

/// How the model's output is marked, by its tokenizer and template; whether a prompt opens the
/// reasoning is found by rendering one.
text::OutputFormat output_format_of(const text::Tokenizer& tokenizer,
                                    const std::optional<text::ChatTemplate>& chat_template);

}  // namespace medlar::runtime
