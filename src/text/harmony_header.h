#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/harmony.h"

namespace medlar::text {

/// A message's header, between <|start|> and <|message|>, taken apart.
struct HarmonyHeader {
  HarmonyMessage message;           ///< without content
  std::optional<std::string> rest;  ///< words that have no place
};

/// Which words of a header count.
enum class HarmonyHeaderWords {
  all,        ///< recipient and content type are among them
  only_role,  ///< everything behind role and channel is rest
};

/// `role` where the prompt has given it. Throws invalid_argument in the reference's words.
HarmonyHeader parse_harmony_header(std::string header, std::optional<HarmonyRole> role,
                                   HarmonyHeaderWords words = HarmonyHeaderWords::all);

/// A text in quotes with everything escaped that may not be printed (Rust's Debug), for errors.
std::string quoted_debug(std::string_view text);

}  // namespace medlar::text
