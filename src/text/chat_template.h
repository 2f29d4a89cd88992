#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"

/// Chat templates: the small programs, written in a subset of Jinja, that model files carry to turn
/// a conversation into the text the model was trained on.
///
/// Goals: byte for byte what the reference environment of such templates prints; a hostile template
/// or conversation ends in a typed Error within bounded steps, memory and stack (jinja_limits.h).
/// Non-goals: Jinja's file inclusion and inheritance, and any attribute of any object beyond the
/// methods listed in the reference pages. Special-token text in a message is rendered as it stands:
/// keeping it from becoming special ids is the tokenising step's duty.
namespace medlar::text {

namespace jinja {
struct Program;
}

/// Whether the template is asked to open the assistant's turn.
enum class GenerationPrompt { omit, add };

/// What a template sees. Null `tools` and `documents` are defined and none.
struct ChatInput {
  Json messages = Json::array();
  Json tools = nullptr;
  Json documents = nullptr;
  GenerationPrompt add_generation_prompt = GenerationPrompt::omit;
  Json kwargs = Json::object();  ///< further variables; they win over the others
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
  std::optional<std::chrono::local_seconds> now;  ///< behind strftime_now; empty = the local clock
};

/// Messages as callers hand them over, made what templates expect: keys whose value is null are
/// dropped, and the first of reasoning_content, thinking, reasoning that is not null is there under
/// the first two names. Throws invalid_argument unless it is a list of objects.
Json normalise_messages(const Json& messages);

/// A stored case's fields as an input, its messages normalised. Throws invalid_argument for a wrong
/// field.
ChatInput chat_input_from_case(const Json& stored);

/// A parsed template. Immutable, so safe to share between threads.
class ChatTemplate {
 public:
  /// Throws corrupt_file for broken syntax, unsupported for tags that are not in the subset,
  /// limit_exceeded for a source too large or too deep; each with the line.
  explicit ChatTemplate(std::string source);

  /// The prompt. Throws invalid_argument with exactly the template's words where it calls
  /// raise_exception, and with the line for an operation without meaning; unsupported for unknown
  /// filters and tests; limit_exceeded for too much work, memory, depth or text.
  std::string render(const ChatInput& input) const;

  const std::string& source() const { return source_; }

 private:
  std::string source_;
  std::shared_ptr<const jinja::Program> program_;
};

/// Files may hold one template for plain chats and another for chats with tools.
enum class TemplateUse { plain, tools };

/// The template of a model: from a .jinja file, from a JSON file with the key chat_template (one
/// text, or a list of {name, template}), or from a folder with chat_template.jinja,
/// chat_template.json or tokenizer_config.json, in this order. Throws not_found where there is
/// none.
ChatTemplate load_chat_template(const std::filesystem::path& path,
                                TemplateUse use = TemplateUse::plain);

/// The template among the metadata of a GGUF file: tokenizer.chat_template, or the one named for
/// tools. Throws not_found where there is none.
ChatTemplate chat_template_from_gguf(const Json& metadata, TemplateUse use = TemplateUse::plain);

}  // namespace medlar::text
