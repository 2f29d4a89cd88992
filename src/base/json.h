#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/types.h"

namespace medlar {

/// JSON with the order of keys kept, and 1 kept apart from 1.0: chat templates print both.
using Json = nlohmann::ordered_json;

/// Parses untrusted JSON. Throws corrupt_file (source, byte) for bad syntax or bad UTF-8, and
/// limit_exceeded for nesting deeper than 128.
Json parse_json(std::string_view text, const std::string& source);

/// Reads and parses a file. Throws as parse_json and read_text_file do.
Json read_json_file(const std::filesystem::path& path);

}  // namespace medlar
