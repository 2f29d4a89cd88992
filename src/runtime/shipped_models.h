#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace medlar::runtime {

/// The file <folder>/<name>/<name>.gguf of a model that medlar ships. The folder is $MEDLAR_MODELS
/// where that is set, and nothing else; otherwise share/medlar/models (installed) or models (a
/// checkout) beside the program or above it. Empty where there is none.
std::optional<std::filesystem::path> shipped_model(std::string_view name);

}  // namespace medlar::runtime
