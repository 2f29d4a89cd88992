#include "runtime/chat.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "runtime/model_files.h"

namespace medlar::runtime {
namespace {

std::string text_at(const Json& message, std::string_view key) {
  const auto found = message.find(key);
  if (found == message.end() || found->is_null()) return "";
  if (!found->is_string()) fail(ErrorCode::invalid_argument, "a message's {} must be a text", key);
  return found->get<std::string>();
}

void check_messages(const Json& messages) {
  if (!messages.is_array()) fail(ErrorCode::invalid_argument, "messages must be a list of objects");
  for (const Json& message : messages) {
    if (!message.is_object())
      fail(ErrorCode::invalid_argument, "messages must be a list of objects");
    const std::string role = text_at(message, "role");
    if (role != "system" && role != "user" && role != "assistant")
      fail(ErrorCode::invalid_argument, "a message's role is one of system, user, assistant");
    text_at(message, "content");
  }
}

text::HarmonyMessage harmony_message(text::HarmonyRole role, text::HarmonyContent content,
                                     std::optional<std::string> channel = {}) {
  text::HarmonyMessage message;
  message.role = role;
  message.content.push_back(std::move(content));
  message.channel = std::move(channel);
  return message;
}

/// An assistant's turn: its reasoning, where it is still known, and its answer.
void add_assistant(const Json& message, std::vector<text::HarmonyMessage>& out) {
  const std::string reasoning = text_at(message, "reasoning_content");
  if (!reasoning.empty())
    out.push_back(harmony_message(text::HarmonyRole::assistant, reasoning, "analysis"));
  out.push_back(
      harmony_message(text::HarmonyRole::assistant, text_at(message, "content"), "final"));
}

std::optional<std::string> token_of(const text::Tokenizer& tokenizer, std::optional<i64> id) {
  if (!id) return std::nullopt;
  return std::string(tokenizer.token_text(*id).value_or(""));
}

/// Where the text holds what becomes a token of its own only when special tokens are looked for.
std::vector<text::ByteRange> special_ranges(const text::Encoding& parsed,
                                            const text::Encoding& plain) {
  const std::unordered_set<i64> plain_ids(plain.ids.begin(), plain.ids.end());
  std::vector<text::ByteRange> ranges;
  for (std::size_t i = 0; i < parsed.ids.size(); ++i) {
    if (!plain_ids.contains(parsed.ids[i]) && parsed.offsets[i].size() > 1)
      ranges.push_back(parsed.offsets[i]);
  }
  return ranges;
}

}  // namespace

std::string without_special_text(const text::Tokenizer& tokenizer, std::string text) {
  constexpr std::string_view word_joiner = "\u2060";
  constexpr int most_rounds = 8;  // breaking one token may let another appear
  for (int round = 0; round < most_rounds; ++round) {
    const text::Encoding plain = tokenizer.encode(text);
    const text::Encoding parsed =
        tokenizer.encode(text, {.special_text = text::SpecialText::parse});
    if (parsed.ids == plain.ids) return text;
    const std::vector<text::ByteRange> ranges = special_ranges(parsed, plain);
    for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
      i64 at = range->begin + 1;
      const auto is_inside = [&](i64 i) {
        return (static_cast<u8>(text[static_cast<std::size_t>(i)]) & 0xc0u) == 0x80u;
      };
      while (at < range->end && is_inside(at)) ++at;
      text.insert(static_cast<std::size_t>(at), word_joiner);
    }
  }
  fail(ErrorCode::invalid_argument, "a message holds special tokens that cannot be made harmless");
}

ChatPrompter::ChatPrompter(const text::Tokenizer& tokenizer,
                           std::optional<text::ChatTemplate> chat_template)
    : tokenizer_(tokenizer),
      template_(std::move(chat_template)),
      format_(output_format_of(tokenizer, template_)) {
  if (!format_.is_harmony && !template_) {
    fail(ErrorCode::unsupported,
         "the model has no chat template: it was not made for conversations (generate continues a "
         "text)");
  }
}

ChatPrompt ChatPrompter::prompt(const Json& messages, const ChatSettings& settings) const {
  check_messages(messages);
  return format_.is_harmony ? harmony_prompt(messages, settings)
                            : template_prompt(messages, settings);
}

ChatPrompt ChatPrompter::harmony_prompt(const Json& messages, const ChatSettings& settings) const {
  text::HarmonySystem system = text::HarmonySystem::usual();
  if (!settings.date.empty()) system.conversation_start_date = settings.date;
  if (!settings.thinks) system.reasoning_effort = text::ReasoningEffort::low;
  if (settings.effort) system.reasoning_effort = settings.effort;
  std::vector<text::HarmonyMessage> conversation = {
      harmony_message(text::HarmonyRole::system, system)};
  for (const Json& message : messages) {
    const std::string role = text_at(message, "role");
    if (role == "assistant") {
      add_assistant(message, conversation);
    } else if (role == "system") {
      text::HarmonyDeveloper developer;
      developer.instructions = text_at(message, "content");
      conversation.push_back(harmony_message(text::HarmonyRole::developer, developer));
    } else {
      conversation.push_back(harmony_message(text::HarmonyRole::user, text_at(message, "content")));
    }
  }
  return {.ids = text::HarmonyFormat(tokenizer_)
                     .render_for_completion(conversation, text::HarmonyRole::assistant),
          .format = format_};
}

ChatPrompt ChatPrompter::template_prompt(const Json& messages, const ChatSettings& settings) const {
  text::ChatInput input;
  for (Json message : messages) {
    message["content"] = without_special_text(tokenizer_, text_at(message, "content"));
    input.messages.push_back(std::move(message));
  }
  input.messages = text::normalise_messages(input.messages);
  input.add_generation_prompt = text::GenerationPrompt::add;
  input.bos_token = token_of(tokenizer_, tokenizer_.special_ids().bos);
  input.eos_token = token_of(tokenizer_, tokenizer_.special_ids().eos);
  if (settings.effort) input.kwargs["reasoning_effort"] = name_of(*settings.effort);
  const bool has_switch = template_->source().find("enable_thinking") != std::string::npos;
  if (has_switch) input.kwargs["enable_thinking"] = settings.thinks;
  if (!settings.thinks) input.kwargs["thinking"] = false;
  std::string prompt = template_->render(input);
  // Without a switch, reasoning that is already over keeps the model from beginning one.
  if (!settings.thinks && format_.thinks && !has_switch) {
    if (!text::opens_thinking(prompt)) prompt += "<think>";
    prompt += prompt.ends_with('\n') ? "\n</think>\n\n" : "\n\n</think>\n\n";
  }
  ChatPrompt result = {
      .ids = tokenizer_.encode(prompt, {.special_text = text::SpecialText::parse}).ids,
      .format = format_};
  result.format.thinking =
      text::opens_thinking(prompt) ? text::Thinking::opened_by_prompt : text::Thinking::not_opened;
  return result;
}

/// The first added token behind an assistant's words in a conversation that goes on.
std::optional<i64> ChatPrompter::turn_end() const {
  constexpr std::string_view words = "zqx";  // that no template says
  text::ChatInput probe;
  probe.messages = Json::array({{{"role", "user"}, {"content", "?"}},
                                {{"role", "assistant"}, {"content", words}},
                                {{"role", "user"}, {"content", "?"}}});
  probe.bos_token = token_of(tokenizer_, tokenizer_.special_ids().bos);
  probe.eos_token = token_of(tokenizer_, tokenizer_.special_ids().eos);
  std::string rendered;
  try {
    rendered = template_->render(probe);
  } catch (const Error& error) {
    // A template that refuses the probe says nothing about its turns.
    if (error.code() == ErrorCode::internal) throw;
    return std::nullopt;
  }
  const std::size_t at = rendered.find(words);
  if (at == std::string::npos) return std::nullopt;
  const std::string behind = rendered.substr(at + words.size());
  const text::Encoding encoding =
      tokenizer_.encode(behind, {.special_text = text::SpecialText::parse});
  const auto first = std::ranges::find_if(encoding.ids, [&](i64 id) {
    return tokenizer_.is_special(id) || tokenizer_.token_text(id).value_or("").starts_with("<｜");
  });
  return first == encoding.ids.end() ? std::nullopt : std::optional(*first);
}

std::vector<i64> ChatPrompter::stop_ids(const formats::Checkpoint& checkpoint,
                                        const Json& config) const {
  std::vector<i64> ids = runtime::stop_ids(tokenizer_, checkpoint, config);
  if (format_.is_harmony) {
    const text::HarmonyFormat harmony(tokenizer_);
    std::erase(ids, harmony.marks().end);  // between reasoning and answer, whatever a file says
    for (const i64 id : harmony.stop_ids()) ids.push_back(id);
  } else if (const std::optional<i64> end = turn_end()) {
    ids.push_back(*end);
  }
  std::ranges::sort(ids);
  const auto rest = std::ranges::unique(ids);
  ids.erase(rest.begin(), rest.end());
  return ids;
}

Json message_of(const text::ModelOutput& output) {
  Json message = {{"role", "assistant"}, {"content", output.answer}};
  if (!output.reasoning.empty()) message["reasoning_content"] = output.reasoning;
  if (!output.calls.empty()) message["tool_calls"] = text::to_json(output)["tool_calls"];
  return message;
}

}  // namespace medlar::runtime
