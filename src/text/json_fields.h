#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

/// Typed reading of the fields of tokenizer files: a wrong type is a corrupt file, never an
/// exception of the JSON library.
namespace medlar::text {

/// The member, or null if absent or JSON null.
const Json* find_field(const Json& object, std::string_view key);
bool bool_field(const Json& object, std::string_view key, bool otherwise);
i64 integer_field(const Json& object, std::string_view key, i64 otherwise);
std::string text_field(const Json& object, std::string_view key, std::string_view otherwise);
/// Throws corrupt_file where the field is absent.
std::string required_text(const Json& object, std::string_view key);
const Json& required_field(const Json& object, std::string_view key);
/// Throws corrupt_file unless it is an array.
const Json& required_array(const Json& object, std::string_view key);

}  // namespace medlar::text
