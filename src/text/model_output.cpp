#include "text/model_output.h"

#include "text/harmony.h"
#include "text/harmony_output.h"
#include "text/tagged_output.h"

namespace medlar::text {

void ModelOutput::add(const OutputEvent& event) {
  switch (event.kind) {
    case OutputEvent::Kind::tool_call:
      calls.push_back(event.call);
      return;
    case OutputEvent::Kind::answer_was_reasoning:
      reasoning += answer;
      answer.clear();
      return;
    case OutputEvent::Kind::text:
      break;
  }
  std::string& part = event.part == OutputPart::reasoning    ? reasoning
                      : event.part == OutputPart::commentary ? commentary
                                                             : answer;
  part += event.text;
}

Json to_json(const ModelOutput& output) {
  Json json = {{"reasoning", output.reasoning}};
  if (!output.commentary.empty()) json["commentary"] = output.commentary;
  json["answer"] = output.answer;
  json["tool_calls"] = Json::array();
  for (const ToolCall& call : output.calls) {
    Json entry = {{"name", call.name}, {"arguments", call.arguments}};
    if (!call.well_formed) entry["well_formed"] = false;
    json["tool_calls"].push_back(std::move(entry));
  }
  return json;
}

OutputFormat output_format_of(const Tokenizer& tokenizer, std::string_view template_source) {
  const auto knows = [&](std::string_view mark) {
    return tokenizer.id_of(mark).has_value() ||
           template_source.find(mark) != std::string_view::npos;
  };
  OutputFormat format;
  format.is_harmony = HarmonyFormat::fits(tokenizer);
  if (format.is_harmony) return format;
  format.thinks = knows("</think>");
  format.has_boxes = knows("<|begin_of_box|>");
  format.has_answer_tags = format.has_boxes || knows("<answer>");
  format.has_tool_calls = knows("<tool_call>");
  format.has_deepseek_calls = knows("<｜tool▁calls▁begin｜>");
  return format;
}

bool opens_thinking(std::string_view prompt) {
  const std::size_t end = prompt.find_last_not_of(" \t\r\n");
  return end != std::string_view::npos && prompt.substr(0, end + 1).ends_with("<think>");
}

std::unique_ptr<OutputParser> make_output_parser(const Tokenizer& tokenizer,
                                                 const OutputFormat& format) {
  if (format.is_harmony) return std::make_unique<HarmonyOutput>(tokenizer);
  return std::make_unique<TaggedOutput>(tokenizer, format);
}

ModelOutput parse_output(OutputParser& parser, std::string_view text) {
  ModelOutput output;
  for (const OutputEvent& event : parser.push_text(text)) output.add(event);
  for (const OutputEvent& event : parser.finish()) output.add(event);
  return output;
}

ModelOutput parse_output(OutputParser& parser, std::span<const i64> ids) {
  ModelOutput output;
  for (const i64 id : ids) {
    for (const OutputEvent& event : parser.push(id)) output.add(event);
  }
  for (const OutputEvent& event : parser.finish()) output.add(event);
  return output;
}

}  // namespace medlar::text
