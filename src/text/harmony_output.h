#pragma once

#include <optional>
#include <string>

#include "text/harmony.h"
#include "text/mark_scanner.h"
#include "text/model_output.h"

namespace medlar::text {

/// gpt-oss's output: analysis is reasoning, final is answer, commentary to a tool is a call. Never
/// fails: a header that is not understood hides its message among the reasoning, a message without
/// an end ends where the next begins, an unfinished header is hidden too.
class HarmonyOutput : public OutputParser {
 public:
  explicit HarmonyOutput(const Tokenizer& tokenizer);

  OutputEvents push(i64 id) override;
  OutputEvents push_text(std::string_view text) override;
  OutputEvents finish() override;

 private:
  enum class State { between, header, content };

  void on_mark(i64 id, OutputEvents& events);
  void on_bytes(std::string_view bytes, OutputEvents& events);
  void begin_header(HarmonyRole role);
  void end_header();
  void add_content(std::string_view bytes, OutputEvents& events);
  void end_message(OutputEvents& events);

  HarmonyFormat format_;
  MarkScanner scanner_;
  State state_ = State::header;
  std::optional<HarmonyRole> seeded_ = HarmonyRole::assistant;
  std::string header_;
  HarmonyMessage message_;  ///< the header of the message under way
  OutputPart part_ = OutputPart::reasoning;
  bool is_call_ = false;
  std::string body_;     ///< of the call under way
  std::string pending_;  ///< bytes of an unfinished character
};

}  // namespace medlar::text
