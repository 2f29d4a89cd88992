#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

/// What a model says, taken apart as it comes: its reasoning, its answer, the tools it calls.
///
/// Goals: one interface for every family; the same parts however the output is cut into chunks; no
/// mark is ever shown, not even half of one; malformed output ends in parts too, and what may be
/// reasoning is never given out as answer. Non-goals: running tools, checking their arguments.
namespace medlar::text {

/// A call of a tool.
struct ToolCall {
  std::string name;
  Json arguments;           ///< an object where the model wrote one, else its text
  bool well_formed = true;  ///< false: arguments is the call's text as it came
};

enum class OutputPart {
  reasoning,
  commentary,  ///< what gpt-oss says to the user while it works
  answer,
};

struct OutputEvent {
  enum class Kind {
    text,                  ///< more of a part
    tool_call,             ///< a call, whole
    answer_was_reasoning,  ///< the end of reasoning whose begin nobody saw
  };

  Kind kind = Kind::text;
  OutputPart part = OutputPart::answer;
  std::string text;
  ToolCall call;
};

using OutputEvents = std::vector<OutputEvent>;

/// All of an output.
struct ModelOutput {
  std::string reasoning;
  std::string commentary;
  std::string answer;
  std::vector<ToolCall> calls;

  void add(const OutputEvent& event);
};

Json to_json(const ModelOutput& output);

/// Whether the marks around boxed results (GLM) are shown.
enum class Boxes { strip, keep };

/// Whether the prompt ended inside of the reasoning, so that its begin is no part of the output.
enum class Thinking { not_opened, opened_by_prompt };

/// Which marks an output may hold.
struct OutputFormat {
  bool is_harmony = false;
  bool thinks = false;           ///< <think> ... </think>
  bool has_answer_tags = false;  ///< <answer> ... </answer>
  bool has_boxes = false;        ///< <|begin_of_box|> ... <|end_of_box|>
  bool has_tool_calls = false;   ///< <tool_call> ... </tool_call>
  bool has_deepseek_calls = false;
  Thinking thinking = Thinking::not_opened;
  Boxes boxes = Boxes::strip;
};

/// The format by what the model's files say: the tokenizer's tokens and the chat template's text
/// ("" where there is none). `thinking` is not decided here: it belongs to a prompt.
OutputFormat output_format_of(const Tokenizer& tokenizer, std::string_view template_source);

/// True where a prompt ends with an opened <think>.
bool opens_thinking(std::string_view prompt);

/// Takes one output apart. One thread.
class OutputParser {
 public:
  OutputParser() = default;
  virtual ~OutputParser() = default;
  OutputParser(const OutputParser&) = delete;
  OutputParser& operator=(const OutputParser&) = delete;

  /// The next token.
  virtual OutputEvents push(i64 id) = 0;
  /// More of the output as text, special tokens as they are written; any chunking. An output comes
  /// either as tokens or as text.
  virtual OutputEvents push_text(std::string_view text) = 0;
  /// The end of the output, finished or cut.
  virtual OutputEvents finish() = 0;
};

/// The tokenizer must outlive the parser.
std::unique_ptr<OutputParser> make_output_parser(const Tokenizer& tokenizer,
                                                 const OutputFormat& format);

/// A whole output at once.
ModelOutput parse_output(OutputParser& parser, std::string_view text);
ModelOutput parse_output(OutputParser& parser, std::span<const i64> ids);

}  // namespace medlar::text
