#pragma once

#include <string>

#include "base/json.h"
#include "text/harmony.h"

/// How harmony tells the model about tools: JSON schemas become TypeScript types.
namespace medlar::text {

/// The type of a JSON schema (OpenAPI style), lines indented by `indent`. What no rule of the
/// format knows is "any".
std::string typescript_type(const Json& schema, const std::string& indent);

/// The "# Tools" section of a system or developer message.
std::string tools_text(const HarmonyTools& tools);

/// JSON without white space, numbers as harmony's reference (serde_json) writes them: 1.0, 1e-7.
std::string compact_json(const Json& json);

}  // namespace medlar::text
