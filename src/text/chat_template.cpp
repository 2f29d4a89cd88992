#include "text/chat_template.h"

#include <array>
#include <cstdio>
#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "text/jinja_interpreter.h"
#include "text/jinja_parser.h"

namespace medlar::text {

namespace jinja {
struct Program {
  Body body;
};
}  // namespace jinja

namespace {

constexpr std::array<std::string_view, 3> reasoning_keys = {"reasoning_content", "thinking",
                                                            "reasoning"};

/// A message without its null keys; reasoning under both of the names templates ask for. `thinking`
/// comes first and `reasoning_content` last where it was absent, as in the reference: the order of
/// keys shows where a template prints a whole message.
Json normalise_message(const Json& message) {
  if (!message.is_object())
    fail(ErrorCode::invalid_argument, "a message must be an object, not {}", message.type_name());
  const Json* reasoning = nullptr;
  for (std::string_view key : reasoning_keys) {
    const auto found = message.find(key);
    if (reasoning == nullptr && found != message.end() && !found->is_null()) reasoning = &*found;
  }
  Json made = Json::object();
  if (reasoning != nullptr) made["thinking"] = *reasoning;
  for (const auto& [key, value] : message.items()) {
    if (!value.is_null()) made[key] = value;
  }
  if (reasoning != nullptr) {
    made["thinking"] = *reasoning;
    made["reasoning_content"] = *reasoning;
  }
  return made;
}

std::optional<std::string> optional_text(const Json& stored, std::string_view key) {
  const auto found = stored.find(key);
  if (found == stored.end() || found->is_null()) return std::nullopt;
  if (!found->is_string())
    fail(ErrorCode::invalid_argument, "'{}' of a template case must be a text", key);
  return found->get<std::string>();
}

/// "2026-03-07T09:05:03"
std::chrono::local_seconds parse_civil_time(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour, &minute,
                  &second) != 6) {
    fail(ErrorCode::invalid_argument,
         "'now' of a template case must read like 2026-03-07T09:05:03");
  }
  using namespace std::chrono;
  const year_month_day date(std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) fail(ErrorCode::invalid_argument, "'now' of a template case is no date");
  return local_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

Json member_or(const Json& stored, std::string_view key, Json fallback) {
  const auto found = stored.find(key);
  return found == stored.end() || found->is_null() ? std::move(fallback) : Json(*found);
}

/// The entry for this use in what a chat_template key holds; empty if there is none.
std::optional<std::string> pick_template(const Json& value, TemplateUse use) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return std::nullopt;
  std::optional<std::string> plain;
  std::optional<std::string> tools;
  for (const Json& entry : value) {
    if (!entry.is_object()) continue;
    const auto name = entry.find("name");
    const auto text = entry.find("template");
    if (name == entry.end() || text == entry.end() || !text->is_string()) continue;
    if (*name == "default") plain = text->get<std::string>();
    if (*name == "tool_use") tools = text->get<std::string>();
  }
  return use == TemplateUse::tools && tools ? tools : plain;
}

std::optional<std::string> template_in_json(const std::filesystem::path& path, TemplateUse use) {
  const Json config = read_json_file(path);
  const auto found = config.is_object() ? config.find("chat_template") : config.end();
  return found == config.end() ? std::nullopt : pick_template(*found, use);
}

std::optional<std::string> template_in_file(const std::filesystem::path& path, TemplateUse use) {
  if (!std::filesystem::is_regular_file(path)) return std::nullopt;
  if (path.extension() == ".json") return template_in_json(path, use);
  return read_text_file(path, jinja::max_source_bytes);
}

}  // namespace

Json normalise_messages(const Json& messages) {
  if (!messages.is_array())
    fail(ErrorCode::invalid_argument, "messages must be a list, not {}", messages.type_name());
  Json made = Json::array();
  for (const Json& message : messages) made.push_back(normalise_message(message));
  return made;
}

ChatInput chat_input_from_case(const Json& stored) {
  if (!stored.is_object()) fail(ErrorCode::invalid_argument, "a template case must be an object");
  ChatInput input;
  input.messages = normalise_messages(member_or(stored, "messages", Json::array()));
  input.tools = member_or(stored, "tools", nullptr);
  input.documents = member_or(stored, "documents", nullptr);
  input.kwargs = member_or(stored, "kwargs", Json::object());
  input.bos_token = optional_text(stored, "bos_token");
  input.eos_token = optional_text(stored, "eos_token");
  if (member_or(stored, "add_generation_prompt", false) == Json(true)) {
    input.add_generation_prompt = GenerationPrompt::add;
  }
  if (const auto now = optional_text(stored, "now")) input.now = parse_civil_time(*now);
  return input;
}

ChatTemplate::ChatTemplate(std::string source)
    : source_(std::move(source)),
      program_(
          std::make_shared<const jinja::Program>(jinja::Program{.body = jinja::parse(source_)})) {}

std::string ChatTemplate::render(const ChatInput& input) const {
  if (!input.kwargs.is_object())
    fail(ErrorCode::invalid_argument, "further variables must be an object");
  jinja::Environment environment;
  environment.now = input.now;
  jinja::Interpreter interpreter(environment);
  const std::array<std::pair<std::string, jinja::Value>, 4> variables = {{
      {"messages", environment.heap.from_json(input.messages)},
      {"tools", environment.heap.from_json(input.tools)},
      {"documents", environment.heap.from_json(input.documents)},
      {"add_generation_prompt", jinja::Value(input.add_generation_prompt == GenerationPrompt::add)},
  }};
  for (const auto& [name, value] : variables) interpreter.define(name, value);
  const std::string bos_name = "bos_token";
  const std::string eos_name = "eos_token";
  if (input.bos_token) interpreter.define(bos_name, jinja::Value(&*input.bos_token));
  if (input.eos_token) interpreter.define(eos_name, jinja::Value(&*input.eos_token));
  for (const auto& [name, value] : input.kwargs.get_ref<const Json::object_t&>()) {
    interpreter.define(name, environment.heap.from_json(value));
  }
  return interpreter.run(program_->body);
}

ChatTemplate load_chat_template(const std::filesystem::path& path, TemplateUse use) {
  if (std::filesystem::is_directory(path)) {
    for (std::string_view name :
         {"chat_template.jinja", "chat_template.json", "tokenizer_config.json"}) {
      if (auto source = template_in_file(path / name, use)) return ChatTemplate(std::move(*source));
    }
  } else if (auto source = template_in_file(path, use)) {
    return ChatTemplate(std::move(*source));
  }
  fail(ErrorCode::not_found,
       "{}: no chat template here; name a .jinja file or a folder that has one", path.string());
}

ChatTemplate chat_template_from_gguf(const Json& metadata, TemplateUse use) {
  const std::string key = "tokenizer.chat_template";
  const auto find = [&](const std::string& name) {
    const auto found = metadata.is_object() ? metadata.find(name) : metadata.end();
    return found == metadata.end() ? std::nullopt : pick_template(*found, use);
  };
  auto source = use == TemplateUse::tools ? find(key + ".tool_use") : std::nullopt;
  if (!source) source = find(key);
  if (!source) fail(ErrorCode::not_found, "the GGUF file has no '{}'", key);
  return ChatTemplate(std::move(*source));
}

}  // namespace medlar::text
