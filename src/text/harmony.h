#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

/// harmony, the message format of gpt-oss: what is said to the model, as token ids.
///
/// Goals: the ids of the public openai-harmony library (github.com/openai/harmony, docs/format.md)
/// for every conversation, its errors in its words. Content is encoded as plain text: the text of a
/// special token in it never becomes one. Non-goals: sending or running tools.
namespace medlar::text {

enum class HarmonyRole { user, assistant, system, developer, tool };

std::string_view name_of(HarmonyRole role);
/// Empty for a word that is no role.
std::optional<HarmonyRole> harmony_role_named(std::string_view name);

enum class ReasoningEffort { low, medium, high };

std::string_view name_of(ReasoningEffort effort);

/// One function that the model may call.
struct HarmonyTool {
  std::string name;
  std::string description;
  std::optional<Json> parameters;  ///< a JSON schema; absent: the function takes no arguments
};

/// Tools under one name: "functions" for a caller's own, "browser" and "python" built in.
struct HarmonyNamespace {
  std::string name;
  std::optional<std::string> description;
  std::vector<HarmonyTool> tools;
};

/// Namespaces are written in the order of their keys.
using HarmonyTools = std::map<std::string, HarmonyNamespace>;

/// The built-in tools as gpt-oss was trained on them.
HarmonyNamespace harmony_browser();
HarmonyNamespace harmony_python();

struct HarmonyChannels {
  std::vector<std::string> valid = {"analysis", "commentary", "final"};
  bool required = true;
};

/// What a system message says about the model itself; absent parts are left out.
struct HarmonySystem {
  std::optional<std::string> model_identity;
  std::optional<std::string> knowledge_cutoff;         ///< "2024-06"
  std::optional<std::string> conversation_start_date;  ///< "2026-03-07"
  std::optional<ReasoningEffort> reasoning_effort;
  std::optional<HarmonyTools> tools;
  std::optional<HarmonyChannels> channels;

  /// What gpt-oss is told where a caller says nothing: identity, cutoff 2024-06, medium effort, the
  /// three channels; no date.
  static HarmonySystem usual();
};

/// What elsewhere is called the system prompt, and the caller's functions.
struct HarmonyDeveloper {
  std::optional<std::string> instructions;
  std::optional<HarmonyTools> tools;
};

using HarmonyContent = std::variant<std::string, HarmonySystem, HarmonyDeveloper>;

struct HarmonyMessage {
  HarmonyRole role = HarmonyRole::user;
  std::optional<std::string> name;  ///< of the tool; required there
  std::vector<HarmonyContent> content;
  std::optional<std::string> channel;
  std::optional<std::string> recipient;
  std::optional<std::string> content_type;  ///< "<|constrain|>json", "json", ...
};

/// Reads the library's own JSON: {"messages": [{"role", "name", "content", "channel", "recipient",
/// "content_type"}]}. Unknown keys are ignored. Throws invalid_argument naming the message and the
/// field.
std::vector<HarmonyMessage> harmony_conversation_from_json(const Json& conversation);

/// The same form back, for messages of text; absent fields are left out, but the name, which is
/// null.
Json to_json(const HarmonyMessage& message);

/// The text that a structured output adds at the end of the developer message's instructions
/// (docs/format.md, "Structured output"): a heading, the schema's name and description, the schema.
std::string harmony_response_format(std::string_view name, std::string_view description,
                                    const Json& schema);

/// Whether reasoning of turns that are over is left out of the prompt.
enum class OldAnalysis { drop, keep };

/// Ids of the marks between messages; each exists in the vocabulary.
struct HarmonyMarks {
  i64 start = 0, message = 0, end = 0, end_of_answer = 0, call = 0, channel = 0, constrain = 0;

  /// Ends a message: <|end|>, <|return|>, <|call|>.
  bool ends_message(i64 id) const { return id == end || id == end_of_answer || id == call; }
};

/// Renders conversations. Holds a reference to the tokenizer; immutable, safe to share between
/// threads.
class HarmonyFormat {
 public:
  /// Throws unsupported for a tokenizer without harmony's marks.
  explicit HarmonyFormat(const Tokenizer& tokenizer);

  /// True where the tokenizer has all of harmony's marks.
  static bool fits(const Tokenizer& tokenizer);

  /// Messages as they stand. `drop`: where the last assistant message is on the channel final,
  /// analysis before the first final message is left out. Throws invalid_argument for a tool
  /// message without name and for system or developer content in another role's message.
  std::vector<i64> render(std::span<const HarmonyMessage> conversation,
                          OldAnalysis old_analysis = OldAnalysis::drop) const;

  /// ... and the opening of the next turn.
  std::vector<i64> render_for_completion(std::span<const HarmonyMessage> conversation,
                                         HarmonyRole next,
                                         OldAnalysis old_analysis = OldAnalysis::drop) const;

  /// ... with <|return|> behind a last message on the channel final.
  std::vector<i64> render_for_training(std::span<const HarmonyMessage> conversation,
                                       OldAnalysis old_analysis = OldAnalysis::drop) const;

  const HarmonyMarks& marks() const { return marks_; }
  /// Ids that end a generation: <|return|> and <|call|>, not <|end|>.
  std::vector<i64> stop_ids() const { return {marks_.end_of_answer, marks_.call}; }

  /// The bytes of a token, marks as they are written; empty optional for an id without a token.
  std::optional<std::string> bytes_of(i64 id) const;

 private:
  void append_text(std::string_view text, std::vector<i64>& ids) const;
  void append_header(const HarmonyMessage& message, std::vector<i64>& ids) const;
  void append_message(const HarmonyMessage& message, bool has_functions,
                      std::vector<i64>& ids) const;

  const Tokenizer& tokenizer_;
  HarmonyMarks marks_;
};

}  // namespace medlar::text
