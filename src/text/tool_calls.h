#pragma once

#include <string_view>

#include "text/model_output.h"

/// The bodies of tool calls as the families write them.
namespace medlar::text {

/// Between <tool_call> and </tool_call>: {"name": .., "arguments": {..}} (Hermes, Qwen), or the
/// name and pairs of <arg_key> and <arg_value> (GLM; a value that is JSON counts as such).
ToolCall tool_call_of_body(std::string_view body);

/// Between <｜tool▁call▁begin｜> and <｜tool▁call▁end｜>:
/// "function<｜tool▁sep｜>NAME\n```json\n..\n```" (DeepSeek-R1), or "NAME<｜tool▁sep｜>{..}" (later
/// ones).
ToolCall deepseek_call_of_body(std::string_view body);

/// Arguments that are a JSON text; not well-formed where they are none.
ToolCall tool_call_with_json(std::string_view name, std::string_view arguments);

}  // namespace medlar::text
