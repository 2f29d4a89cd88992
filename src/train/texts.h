#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

/// Texts to learn a language from, and texts with labels.
namespace medlar::train {

/// The objects of a .jsonl file. Throws io, corrupt_file naming file and line.
std::vector<Json> read_objects(const std::filesystem::path& path);

/// The text or number under a key, as a text. Throws corrupt_file naming `path`.
std::string text_of(const Json& object, const char* key, const std::filesystem::path& path);

/// Texts of a .jsonl file ({"text": ".."} a line), of a file (parted by empty lines), or of all
/// .txt and .jsonl files below a folder in order of their names. Throws as read_objects,
/// invalid_argument where there is none.
std::vector<std::string> read_texts(const std::filesystem::path& path);

/// A text and what it is.
struct LabelledText {
  std::string text;
  std::string label;
};

/// {"text": "..", "label": ".."} a line; a label may be a number. Throws as read_texts.
std::vector<LabelledText> read_labelled_texts(const std::filesystem::path& path);

}  // namespace medlar::train
