#include "text/tool_calls.h"

#include <algorithm>
#include <optional>

#include "base/error.h"

namespace medlar::text {
namespace {

constexpr std::string_view white = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) + 1 - begin);
}

/// Empty where the text is no JSON.
std::optional<Json> json_of(std::string_view text) {
  try {
    return parse_json(text, "tool call");
  } catch (const Error&) {  // an outcome one expects of a model: the caller takes the text
    return std::nullopt;
  }
}

ToolCall malformed(std::string_view body, std::string_view name = {}) {
  return {.name = std::string(name), .arguments = std::string(body), .well_formed = false};
}

ToolCall json_call(std::string_view body) {
  const std::optional<Json> json = json_of(body);
  if (!json || !json->is_object()) return malformed(body);
  const auto name = json->find("name");
  if (name == json->end() || !name->is_string()) return malformed(body);
  for (const char* key : {"arguments", "parameters"}) {
    const auto arguments = json->find(key);
    if (arguments != json->end())
      return {.name = name->get<std::string>(), .arguments = *arguments, .well_formed = true};
  }
  return {.name = name->get<std::string>(), .arguments = Json::object(), .well_formed = true};
}

/// Takes "<tag>...</tag>" from the front of the text; empty if it does not stand there whole.
std::optional<std::string_view> take_element(std::string_view& text, std::string_view open,
                                             std::string_view close) {
  std::string_view rest = trimmed(text);
  if (!rest.starts_with(open)) return std::nullopt;
  rest.remove_prefix(open.size());
  const std::size_t end = rest.find(close);
  if (end == std::string_view::npos) return std::nullopt;
  text = rest.substr(end + close.size());
  return rest.substr(0, end);
}

ToolCall pairs_call(std::string_view body) {
  const std::size_t name_end = std::min(body.find('\n'), body.find("<arg_key>"));
  const std::string_view name = trimmed(body.substr(0, name_end));
  std::string_view rest = name_end == std::string_view::npos ? "" : body.substr(name_end);
  Json arguments = Json::object();
  while (!trimmed(rest).empty()) {
    const auto key = take_element(rest, "<arg_key>", "</arg_key>");
    if (!key) return malformed(body, name);
    const auto value = take_element(rest, "<arg_value>", "</arg_value>");
    if (!value) return malformed(body, name);
    arguments[std::string(trimmed(*key))] = json_of(*value).value_or(std::string(*value));
  }
  if (name.empty()) return malformed(body);
  return {.name = std::string(name), .arguments = std::move(arguments), .well_formed = true};
}

}  // namespace

ToolCall tool_call_with_json(std::string_view name, std::string_view arguments) {
  std::optional<Json> json = json_of(arguments);
  if (!json) return malformed(arguments, name);
  return {.name = std::string(name), .arguments = std::move(*json), .well_formed = true};
}

ToolCall tool_call_of_body(std::string_view body) {
  const std::string_view text = trimmed(body);
  return text.starts_with('{') ? json_call(text) : pairs_call(text);
}

ToolCall deepseek_call_of_body(std::string_view body) {
  constexpr std::string_view separator = "<｜tool▁sep｜>";
  constexpr std::string_view fence = "```";
  const std::size_t at = body.find(separator);
  if (at == std::string_view::npos) return malformed(body);
  const std::string_view before = trimmed(body.substr(0, at));
  std::string_view behind = body.substr(at + separator.size());
  const std::size_t fence_begin = behind.find("```json");
  if (fence_begin == std::string_view::npos) return tool_call_with_json(before, trimmed(behind));
  const std::string_view name = trimmed(behind.substr(0, fence_begin));
  behind.remove_prefix(fence_begin + std::string_view("```json").size());
  const std::size_t fence_end = behind.rfind(fence);
  return tool_call_with_json(name, trimmed(behind.substr(0, fence_end)));
}

}  // namespace medlar::text
