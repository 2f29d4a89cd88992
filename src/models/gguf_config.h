#pragma once

#include <string_view>

#include "base/json.h"
#include "formats/checkpoint.h"

/// A model's configuration in GGUF's key-values, both ways. Source: ggml docs/gguf.md,
/// "standardized key-value pairs".
namespace medlar::models {

/// The configuration under the names of config.json. Throws corrupt_file without an architecture.
Json config_from_gguf(const formats::Checkpoint& checkpoint);

/// The key-values of a model of this GGUF architecture. Throws unsupported for a rotary scaling
/// that the keys cannot say.
Json gguf_from_config(const Json& config, std::string_view architecture);

}  // namespace medlar::models
