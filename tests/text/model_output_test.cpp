#include "text/model_output.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "text/small_tokenizers.h"

namespace medlar::text {
namespace {

/// A byte-level tokenizer with these added tokens; those that begin with '!' are marked special.
Tokenizer tokenizer_with(const std::vector<std::string>& tokens) {
  Json json = small::byte_level_json();
  i64 id = 1000;
  for (const std::string& token : tokens) {
    const bool special = token.starts_with('!');
    json["added_tokens"].push_back(
        small::added_token(id++, special ? token.substr(1) : token, special));
  }
  return tokenizer_from_json(json.dump(), nullptr, "test");
}

Tokenizer qwen() {
  return tokenizer_with({"<think>", "</think>", "<tool_call>", "</tool_call>", "!<|im_end|>"});
}
Tokenizer glm() {
  return tokenizer_with({"<think>", "</think>", "<tool_call>", "</tool_call>", "!<|begin_of_box|>",
                         "!<|end_of_box|>", "!<|observation|>"});
}
Tokenizer deepseek() {
  return tokenizer_with({"<think>", "</think>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
                         "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>",
                         "!<｜end▁of▁sentence｜>"});
}
Tokenizer gpt_oss() {
  return tokenizer_with(
      {"!<|start|>", "!<|message|>", "!<|return|>", "!<|call|>", "!<|channel|>", "!<|constrain|>"});
}

OutputFormat format_of(const Tokenizer& tokenizer, Thinking thinking = Thinking::not_opened) {
  OutputFormat format = output_format_of(tokenizer, "");
  format.thinking = thinking;
  return format;
}

ModelOutput in_chunks(const Tokenizer& tokenizer, const OutputFormat& format,
                      const std::string& text, u64 seed) {
  const auto parser = make_output_parser(tokenizer, format);
  ModelOutput output;
  for (std::size_t at = 0, i = 0; at < text.size(); ++i) {
    const std::size_t size = seed == 0 ? 1 : 1 + philox(seed, 0, i)[0] % 7;
    for (const OutputEvent& event : parser->push_text(text.substr(at, size))) output.add(event);
    at += size;
  }
  for (const OutputEvent& event : parser->finish()) output.add(event);
  return output;
}

/// The parts of an output, the same for the whole text, for every chunking and for tokens.
Json parts(const Tokenizer& tokenizer, const std::string& text,
           Thinking thinking = Thinking::not_opened) {
  const OutputFormat format = format_of(tokenizer, thinking);
  const Json whole = to_json(parse_output(*make_output_parser(tokenizer, format), text));
  for (u64 seed = 0; seed < 20; ++seed)
    EXPECT_EQ(to_json(in_chunks(tokenizer, format, text, seed)), whole) << "chunking " << seed;
  const std::vector<i64> ids = tokenizer.encode(text, {.special_text = SpecialText::parse}).ids;
  EXPECT_EQ(to_json(parse_output(*make_output_parser(tokenizer, format), ids)), whole) << "tokens";
  return whole;
}

Json expected(const std::string& reasoning, const std::string& answer, Json calls = Json::array()) {
  return {{"reasoning", reasoning}, {"answer", answer}, {"tool_calls", std::move(calls)}};
}

TEST(ModelOutput, ThinkingThatTheModelOpens) {
  EXPECT_EQ(parts(qwen(), "<think>\nIs it µg?\n</think>\n\nYes, 5 µg.<|im_end|>"),
            expected("Is it µg?", "Yes, 5 µg."));
  EXPECT_EQ(parts(qwen(), "<think>\n\n</think>\n\nYes."), expected("", "Yes."));
}

TEST(ModelOutput, ThinkingThatThePromptOpened) {
  EXPECT_EQ(parts(deepseek(), "Let me see.\n</think>\n\nNo.<｜end▁of▁sentence｜>",
                  Thinking::opened_by_prompt),
            expected("Let me see.", "No."));
  EXPECT_EQ(parts(deepseek(), "Cut before the end", Thinking::opened_by_prompt),
            expected("Cut before the end", ""));
}

TEST(ModelOutput, AnEndOfThinkingWithoutABeginMovesWhatCameBefore) {
  EXPECT_EQ(parts(qwen(), "hm\n</think>\nYes."), expected("hm", "Yes."));
}

TEST(ModelOutput, PlainAnswersAreLeftAsTheyAre) {
  const Tokenizer plain = tokenizer_with({"!<|eot_id|>"});
  EXPECT_EQ(parts(plain, "  a <b> </think>\n"), expected("", "  a <b> </think>\n"));
}

TEST(ModelOutput, HermesCalls) {
  EXPECT_EQ(
      parts(qwen(),
            "Wait.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1.0}}\n</tool_call>\n"
            "<tool_call>{\"name\": \"g\"}</tool_call>"),
      expected("", "Wait.",
               {{{"name", "f"}, {"arguments", {{"x", 1.0}}}},
                {{"name", "g"}, {"arguments", Json::object()}}}));
  EXPECT_EQ(
      parts(qwen(), "<tool_call>{\"name\": </tool_call>"),
      expected("", "",
               Json::array({{{"name", ""}, {"arguments", "{\"name\":"}, {"well_formed", false}}})));
}

TEST(ModelOutput, GlmCallsAndBoxes) {
  EXPECT_EQ(parts(glm(),
                  "<think>Look.</think>\n<tool_call>labs\n<arg_key>id</arg_key>\n<arg_value>A 1"
                  "</arg_value>\n<arg_key>n</arg_key>\n<arg_value>3</arg_value>\n</"
                  "tool_call><|observation|>"),
            expected("Look.", "",
                     Json::array({{{"name", "labs"}, {"arguments", {{"id", "A 1"}, {"n", 3}}}}})));
  const std::string boxed =
      "<think>x</think><answer>It is <|begin_of_box|>B<|end_of_box|></answer>";
  EXPECT_EQ(parts(glm(), boxed), expected("x", "It is B"));
  const Tokenizer tokenizer = glm();
  OutputFormat format = format_of(tokenizer);
  format.boxes = Boxes::keep;
  EXPECT_EQ(parse_output(*make_output_parser(tokenizer, format), boxed).answer,
            "It is <|begin_of_box|>B<|end_of_box|>");
}

TEST(ModelOutput, DeepSeekCalls) {
  const std::string r1 =
      "I "
      "ask.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"x\":1}\n"
      "```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜>"
      "<｜tool▁calls▁end｜><｜end▁of▁sentence｜>";
  EXPECT_EQ(parts(deepseek(), r1), expected("", "I ask.",
                                            {{{"name", "f"}, {"arguments", {{"x", 1}}}},
                                             {{"name", "g"}, {"arguments", Json::object()}}}));
}

TEST(ModelOutput, HarmonyChannels) {
  Json with_preamble = expected("Think µ.", "Yes.");
  with_preamble["commentary"] = "One moment.";
  Json got = parts(gpt_oss(),
                   "<|channel|>analysis<|message|>Think µ.<|end|><|start|>assistant<|channel|>"
                   "commentary<|message|>One moment.<|end|><|start|>assistant<|channel|>final"
                   "<|message|>Yes.<|return|>");
  EXPECT_EQ(nlohmann::json(got), nlohmann::json(with_preamble));
  EXPECT_EQ(parts(gpt_oss(),
                  "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
                  "{\"x\":1}<|call|>"),
            expected("", "", Json::array({{{"name", "functions.f"}, {"arguments", {{"x", 1}}}}})));
}

TEST(ModelOutput, MalformedHarmonyNeverShowsReasoning) {
  const std::string secret = "SECRET";
  for (const std::string output : {
           "<|channel|>analysis<|message|>SECRET",
           "<|channel|>analysis<|message|>SECRET<|message|>SECRET<|return|>",
           "<|channel|>analysis and more words here<|message|>SECRET<|end|>",
           "<|channel|><|message|>SECRET<|end|>",
           "<|channel|>anal<|message|>SECRET<|end|>",
           "analysis SECRET",
           "<|channel|>analysis<|message|>x<|end|><|message|>SECRET<|end|>",
           "<|channel|>analysis<|message|>x<|end|>SECRET",
           "<|channel|>analysis SECRET<|end|>",
           "<|channel|>analysis<|message|>SECRET<|channel|>analysis<|message|>SECRET",
           "<|start|>assistant<|start|>assistant<|channel|>analysis<|message|>SECRET",
       }) {
    const Json got = parts(gpt_oss(), output);
    EXPECT_EQ(got["answer"].get<std::string>().find(secret), std::string::npos) << output;
    EXPECT_FALSE(got.contains("commentary")) << output;
  }
}

TEST(ModelOutput, MalformedHarmonyKeepsTheAnswer) {
  for (const std::string output : {
           "<|channel|>analysis<|message|>x<|channel|>final<|message|>Yes.",
           "<|channel|>analysis<|message|>x<|start|>assistant<|channel|>final<|message|>Yes.<|"
           "return|>",
           "<|channel|>final with too many words<|message|>Yes.<|end|>",
           "<|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
       }) {
    EXPECT_EQ(parts(gpt_oss(), output)["answer"], "Yes.") << output;
  }
}

TEST(ModelOutput, AMarkIsNeverShownInPieces) {
  const Tokenizer tokenizer = qwen();
  const auto parser = make_output_parser(tokenizer, format_of(tokenizer));
  std::string shown;
  for (const char c : std::string("<think>a</think>b <tool_call>{}</tool_call>c <tool_"))
    for (const OutputEvent& event : parser->push_text(std::string(1, c))) shown += event.text;
  for (const OutputEvent& event : parser->finish()) shown += event.text;
  EXPECT_EQ(shown, "abc ");
}

TEST(ModelOutput, FormatsFollowFromTheFiles) {
  EXPECT_TRUE(output_format_of(gpt_oss(), "").is_harmony);
  EXPECT_TRUE(output_format_of(qwen(), "").has_tool_calls);
  EXPECT_TRUE(output_format_of(deepseek(), "").has_deepseek_calls);
  const Tokenizer plain = tokenizer_with({});
  EXPECT_FALSE(output_format_of(plain, "").thinks);
  EXPECT_TRUE(output_format_of(plain, "{{ '<think>' }}..</think>").thinks);
  EXPECT_TRUE(opens_thinking("<｜Assistant｜><think>\n"));
  EXPECT_FALSE(opens_thinking("<think>\n\n</think>\n\n"));
}

}  // namespace
}  // namespace medlar::text
