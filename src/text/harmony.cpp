#include "text/harmony.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/byte_alphabet.h"
#include "text/harmony_schema.h"

namespace medlar::text {
namespace {

constexpr std::array<std::pair<HarmonyRole, std::string_view>, 5> roles = {
    {{HarmonyRole::user, "user"},
     {HarmonyRole::assistant, "assistant"},
     {HarmonyRole::system, "system"},
     {HarmonyRole::developer, "developer"},
     {HarmonyRole::tool, "tool"}}};

constexpr std::string_view constrain_text = "<|constrain|>";

/// The role as the reference's errors print it.
std::string_view debug_name(HarmonyRole role) {
  switch (role) {
    case HarmonyRole::user:
      return "User";
    case HarmonyRole::assistant:
      return "Assistant";
    case HarmonyRole::system:
      return "System";
    case HarmonyRole::developer:
      return "Developer";
    case HarmonyRole::tool:
      break;
  }
  return "Tool";
}

std::string system_text(const HarmonySystem& system, bool has_functions) {
  std::vector<std::string> sections;
  std::vector<std::string> top;
  if (system.model_identity) top.push_back(*system.model_identity);
  if (system.knowledge_cutoff) top.push_back("Knowledge cutoff: " + *system.knowledge_cutoff);
  if (system.conversation_start_date)
    top.push_back("Current date: " + *system.conversation_start_date);
  if (!top.empty()) sections.push_back(fmt::format("{}", fmt::join(top, "\n")));
  if (system.reasoning_effort)
    sections.push_back(fmt::format("Reasoning: {}", name_of(*system.reasoning_effort)));
  if (system.tools && !system.tools->empty()) sections.push_back(tools_text(*system.tools));
  if (system.channels && !system.channels->valid.empty()) {
    std::string line =
        fmt::format("# Valid channels: {}.", fmt::join(system.channels->valid, ", "));
    if (system.channels->required) line += " Channel must be included for every message.";
    if (has_functions)
      line += "\nCalls to these tools must go to the commentary channel: 'functions'.";
    sections.push_back(line);
  }
  return fmt::format("{}", fmt::join(sections, "\n\n"));
}

std::string developer_text(const HarmonyDeveloper& developer) {
  std::vector<std::string> sections;
  if (developer.instructions) {
    sections.emplace_back("# Instructions");
    sections.push_back(*developer.instructions);
  }
  if (developer.tools && !developer.tools->empty())
    sections.push_back(tools_text(*developer.tools));
  return fmt::format("{}", fmt::join(sections, "\n\n"));
}

void check_place(const HarmonyContent& content, HarmonyRole role) {
  if (std::holds_alternative<HarmonySystem>(content) && role != HarmonyRole::system) {
    fail(ErrorCode::invalid_argument,
         "SystemContent may only appear in system messages, found in {}", debug_name(role));
  }
  if (std::holds_alternative<HarmonyDeveloper>(content) && role != HarmonyRole::developer) {
    fail(ErrorCode::invalid_argument,
         "DeveloperContent may only appear in developer messages, found in {}", debug_name(role));
  }
}

std::string content_text(const HarmonyContent& content, bool has_functions) {
  if (const auto* text = std::get_if<std::string>(&content)) return *text;
  if (const auto* system = std::get_if<HarmonySystem>(&content))
    return system_text(*system, has_functions);
  return developer_text(std::get<HarmonyDeveloper>(content));
}

bool has_function_tools(const HarmonyMessage& message) {
  return std::ranges::any_of(message.content, [](const HarmonyContent& content) {
    const auto* developer = std::get_if<HarmonyDeveloper>(&content);
    if (developer == nullptr || !developer->tools) return false;
    const auto functions = developer->tools->find("functions");
    return functions != developer->tools->end() && !functions->second.tools.empty();
  });
}

bool last_assistant_is_final(std::span<const HarmonyMessage> conversation) {
  for (std::size_t i = conversation.size(); i-- > 0;) {
    if (conversation[i].role == HarmonyRole::assistant) return conversation[i].channel == "final";
  }
  return false;
}

/// Messages before this place lose their analysis.
std::size_t analysis_dropped_before(std::span<const HarmonyMessage> conversation,
                                    OldAnalysis old_analysis) {
  if (old_analysis == OldAnalysis::keep || !last_assistant_is_final(conversation)) return 0;
  const auto first_final = std::ranges::find_if(
      conversation, [](const HarmonyMessage& message) { return message.channel == "final"; });
  return static_cast<std::size_t>(first_final - conversation.begin());
}

}  // namespace

std::string_view name_of(HarmonyRole role) {
  return std::ranges::find(roles, role, &std::pair<HarmonyRole, std::string_view>::first)->second;
}

std::optional<HarmonyRole> harmony_role_named(std::string_view name) {
  const auto found =
      std::ranges::find(roles, name, &std::pair<HarmonyRole, std::string_view>::second);
  return found == roles.end() ? std::nullopt : std::optional(found->first);
}

std::string_view name_of(ReasoningEffort effort) {
  switch (effort) {
    case ReasoningEffort::low:
      return "low";
    case ReasoningEffort::medium:
      return "medium";
    case ReasoningEffort::high:
      break;
  }
  return "high";
}

HarmonySystem HarmonySystem::usual() {
  return {.model_identity = "You are ChatGPT, a large language model trained by OpenAI.",
          .knowledge_cutoff = "2024-06",
          .conversation_start_date = {},
          .reasoning_effort = ReasoningEffort::medium,
          .tools = {},
          .channels = HarmonyChannels()};
}

std::string harmony_response_format(std::string_view name, std::string_view description,
                                    const Json& schema) {
  std::string text = fmt::format("# Response Formats\n\n## {}\n\n", name);
  if (!description.empty()) text += fmt::format("// {}\n", description);
  return text + compact_json(schema);
}

bool HarmonyFormat::fits(const Tokenizer& tokenizer) {
  return std::ranges::all_of(std::array{"<|start|>", "<|message|>", "<|end|>", "<|return|>",
                                        "<|call|>", "<|channel|>", "<|constrain|>"},
                             [&](const char* mark) { return tokenizer.id_of(mark).has_value(); });
}

HarmonyFormat::HarmonyFormat(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
  const auto id_of = [&](std::string_view mark) {
    const std::optional<i64> id = tokenizer.id_of(mark);
    if (!id)
      fail(ErrorCode::unsupported, "the tokenizer has no {}: it is not made for harmony", mark);
    return *id;
  };
  marks_ = {.start = id_of("<|start|>"),
            .message = id_of("<|message|>"),
            .end = id_of("<|end|>"),
            .end_of_answer = id_of("<|return|>"),
            .call = id_of("<|call|>"),
            .channel = id_of("<|channel|>"),
            .constrain = id_of(constrain_text)};
}

std::vector<i64> HarmonyFormat::render(std::span<const HarmonyMessage> conversation,
                                       OldAnalysis old_analysis) const {
  const bool has_functions = std::ranges::any_of(conversation, has_function_tools);
  const std::size_t dropped_before = analysis_dropped_before(conversation, old_analysis);
  std::vector<i64> ids;
  for (std::size_t i = 0; i < conversation.size(); ++i) {
    if (i < dropped_before && conversation[i].channel == "analysis") continue;
    append_message(conversation[i], has_functions, ids);
  }
  return ids;
}

std::vector<i64> HarmonyFormat::render_for_completion(std::span<const HarmonyMessage> conversation,
                                                      HarmonyRole next,
                                                      OldAnalysis old_analysis) const {
  std::vector<i64> ids = render(conversation, old_analysis);
  ids.push_back(marks_.start);
  append_text(name_of(next), ids);
  return ids;
}

std::vector<i64> HarmonyFormat::render_for_training(std::span<const HarmonyMessage> conversation,
                                                    OldAnalysis old_analysis) const {
  std::vector<i64> ids = render(conversation, old_analysis);
  if (!conversation.empty() && conversation.back().role == HarmonyRole::assistant &&
      conversation.back().channel == "final") {
    ids.back() = marks_.end_of_answer;
  }
  return ids;
}

std::optional<std::string> HarmonyFormat::bytes_of(i64 id) const {
  const std::optional<std::string_view> token = tokenizer_.token_text(id);
  if (!token) return std::nullopt;
  if (tokenizer_.is_special(id)) return std::string(*token);
  const std::optional<std::string> bytes = from_byte_alphabet(*token);
  return bytes ? bytes : std::optional(std::string(*token));
}

void HarmonyFormat::append_text(std::string_view text, std::vector<i64>& ids) const {
  const std::vector<i64> more = tokenizer_.encode(text).ids;
  ids.insert(ids.end(), more.begin(), more.end());
}

/// Each part is a text of its own to the tokenizer, as in the reference.
void HarmonyFormat::append_header(const HarmonyMessage& message, std::vector<i64>& ids) const {
  if (message.role == HarmonyRole::tool) {
    if (!message.name) fail(ErrorCode::invalid_argument, "Tools should have a name!");
    append_text(*message.name, ids);
  } else {
    append_text(name_of(message.role), ids);
    if (message.name) append_text(":" + *message.name, ids);
  }
  if (message.recipient && *message.recipient != "all")
    append_text(" to=" + *message.recipient, ids);
  if (message.channel) {
    ids.push_back(marks_.channel);
    append_text(*message.channel, ids);
  }
  if (!message.content_type) return;
  if (!message.content_type->starts_with(constrain_text))
    return append_text(" " + *message.content_type, ids);
  append_text(" ", ids);
  ids.push_back(marks_.constrain);
  append_text(std::string_view(*message.content_type).substr(constrain_text.size()), ids);
}

void HarmonyFormat::append_message(const HarmonyMessage& message, bool has_functions,
                                   std::vector<i64>& ids) const {
  ids.push_back(marks_.start);
  append_header(message, ids);
  ids.push_back(marks_.message);
  for (const HarmonyContent& content : message.content) {
    check_place(content, message.role);
    append_text(content_text(content, has_functions), ids);
  }
  const bool calls = message.role == HarmonyRole::assistant && message.recipient;
  ids.push_back(calls ? marks_.call : marks_.end);
}

}  // namespace medlar::text
