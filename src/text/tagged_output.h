#pragma once

#include <string>
#include <vector>

#include "text/mark_scanner.h"
#include "text/model_output.h"

namespace medlar::text {

/// Outputs whose parts stand between marks in the text: DeepSeek, Qwen, GLM; without marks (Llama,
/// Mistral) all is answer. White space around reasoning and around tool calls belongs to the marks.
class TaggedOutput : public OutputParser {
 public:
  TaggedOutput(const Tokenizer& tokenizer, const OutputFormat& format);

  OutputEvents push(i64 id) override;
  OutputEvents push_text(std::string_view text) override;
  OutputEvents finish() override;

 private:
  enum class State { answer, reasoning, tool_call, between_calls, deepseek_call };

  std::vector<std::string_view> marks() const;
  void run(OutputEvents& events);
  void on_mark(std::string_view mark, OutputEvents& events);
  void on_text(std::string_view text, OutputEvents& events);
  void enter(State state);
  void end_call(OutputEvents& events);

  const Tokenizer& tokenizer_;
  OutputFormat format_;
  std::vector<std::string> ends_;  ///< texts of tokens that end a generation: not shown
  StreamDecoder decoder_;
  MarkScanner scanner_;
  State state_ = State::answer;
  bool drops_space_ = false;    ///< nothing has followed the last mark but white space
  bool seen_thinking_ = false;  ///< a begin or an end of reasoning came
  std::string space_;           ///< white space that is shown only if text follows
  std::string body_;            ///< of the call under way
};

}  // namespace medlar::text
