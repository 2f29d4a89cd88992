// Arbitrary output of a model, as harmony or with every other mark: it ends in parts, the same ones
// whole and in chunks; harmony's own parser ends in messages or an Error.
#include "text/model_output.h"

#include <array>
#include <string>

#include "base/error.h"
#include "text/harmony_parser.h"
#include "text/load_tokenizer.h"

namespace {

using namespace medlar;  // NOLINT: the target is one function

/// Every byte a token, and marks behind them.
text::Tokenizer tokenizer_with(std::initializer_list<const char*> marks) {
  Json vocabulary = Json::object();
  for (int byte = 33; byte < 127; ++byte)
    vocabulary[std::string(1, static_cast<char>(byte))] = byte;
  vocabulary["Ġ"] = 32;
  vocabulary["Ċ"] = 10;
  Json added = Json::array();
  i64 id = 300;
  for (const char* mark : marks)
    added.push_back({{"id", id++}, {"content", mark}, {"special", true}});
  const Json tokenizer = {
      {"added_tokens", added},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"use_regex", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}};
  return text::tokenizer_from_json(tokenizer.dump(), nullptr, "fuzz");
}

std::string parts_of(const text::ModelOutput& output) {
  return text::to_json(output).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void parse_harmony(const text::HarmonyFormat& format, std::string_view bytes) {
  text::HarmonyParser parser(format, text::HarmonyRole::assistant,
                             text::HarmonyStrictness::tolerant);
  try {
    for (const char c : bytes) {
      const auto byte = static_cast<u8>(c);
      parser.push(byte >= 240 ? 300 + byte % 8 : byte);  // marks are frequent
    }
    parser.finish();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
  static const text::Tokenizer harmony =
      tokenizer_with({"<|start|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>",
                      "<|channel|>", "<|constrain|>"});
  static const text::HarmonyFormat harmony_format(harmony);
  static const text::Tokenizer tagged =
      tokenizer_with({"</think>", "<tool_call>", "<|begin_of_box|>", "<｜tool▁calls▁begin｜>"});
  if (size == 0) return 0;
  const std::string_view output(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_harmony = (data[0] & 2) != 0;
  const text::Tokenizer& tokenizer = is_harmony ? harmony : tagged;
  text::OutputFormat format = text::output_format_of(tokenizer, "");
  if ((data[0] & 1) != 0) format.thinking = text::Thinking::opened_by_prompt;
  const std::string whole =
      parts_of(text::parse_output(*text::make_output_parser(tokenizer, format), output));
  const auto parser = text::make_output_parser(tokenizer, format);
  text::ModelOutput chunked;
  for (std::size_t at = 0, step = 1; at < output.size(); at += step, step = 1 + step * 3 % 7) {
    for (const text::OutputEvent& event : parser->push_text(output.substr(at, step)))
      chunked.add(event);
  }
  for (const text::OutputEvent& event : parser->finish()) chunked.add(event);
  if (parts_of(chunked) != whole)
    throw Error(ErrorCode::internal, "the parts depend on the chunks");
  if (is_harmony) parse_harmony(harmony_format, output);
  return 0;
}
