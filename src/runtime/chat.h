#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "text/chat_template.h"
#include "text/harmony.h"
#include "text/model_output.h"
#include "text/tokenizer.h"

/// Conversations with a model: messages in, token ids of the prompt out, and how to read what the
/// model answers. Messages are those of chat APIs: {"role": system | user | assistant, "content",
/// and for assistants "reasoning_content"}. Special tokens typed in a message stay harmless text.
namespace medlar::runtime {

struct ChatSettings {
  std::optional<text::ReasoningEffort> effort;  ///< empty: the model's default
  bool thinks = true;                           ///< false: asked to answer at once
  std::string date;                             ///< "2026-03-07", for models that are told it
};

/// A prompt and the format of what follows it.
struct ChatPrompt {
  std::vector<i64> ids;
  text::OutputFormat format;
};

/// Makes prompts for one model. Holds a reference to the tokenizer. Immutable.
class ChatPrompter {
 public:
  /// gpt-oss's tokenizer speaks harmony; every other model needs a template. Throws unsupported
  /// where there is none.
  ChatPrompter(const text::Tokenizer& tokenizer, std::optional<text::ChatTemplate> chat_template);

  /// Throws invalid_argument for messages of another form, and what the template raises.
  ChatPrompt prompt(const Json& messages, const ChatSettings& settings) const;

  /// Tokens that end an answer: the files' and the one that the template writes behind an
  /// assistant's turn.
  std::vector<i64> stop_ids(const formats::Checkpoint& checkpoint, const Json& config) const;

 private:
  ChatPrompt harmony_prompt(const Json& messages, const ChatSettings& settings) const;
  ChatPrompt template_prompt(const Json& messages, const ChatSettings& settings) const;
  std::optional<i64> turn_end() const;

  const text::Tokenizer& tokenizer_;
  std::optional<text::ChatTemplate> template_;
  text::OutputFormat format_;
};

/// The message for the history that an answer makes.
Json message_of(const text::ModelOutput& output);

/// The text with a mark that nobody sees (U+2060, word joiner) within whatever the tokenizer would
/// take for one of its tokens.
std::string without_special_text(const text::Tokenizer& tokenizer, std::string text);

}  // namespace medlar::runtime
