#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace medlar::text {

/// GPT-2's byte-to-unicode table: the printable character that stands for each byte in
/// vocabularies.
std::array<u32, 256> byte_alphabet();

/// Bytes as their printable characters.
std::string to_byte_alphabet(std::string_view bytes);

/// The bytes behind printable characters; empty if any character is not of the table.
std::optional<std::string> from_byte_alphabet(std::string_view text);

}  // namespace medlar::text
