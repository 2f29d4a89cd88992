#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "shared_data.h"
#include "text/byte_alphabet.h"
#include "text/harmony_cases.h"
#include "text/harmony_parser.h"
#include "text/harmony_schema.h"
#include "text/load_tokenizer.h"

namespace medlar::text {
namespace {

/// Every byte a token of its own (id = byte), and harmony's marks behind them.
Tokenizer byte_tokenizer() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte)
    vocabulary[to_byte_alphabet(std::string(1, static_cast<char>(byte)))] = byte;
  Json added = Json::array();
  i64 id = 256;
  for (const char* mark : {"<|start|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>",
                           "<|channel|>", "<|constrain|>"}) {
    added.push_back({{"id", id++}, {"content", mark}, {"special", true}});
  }
  const Json tokenizer = {
      {"added_tokens", added},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}};
  return tokenizer_from_json(tokenizer.dump(), nullptr, "bytes");
}

/// A conversation under test as the model would see it.
std::string rendered(const std::string& conversation,
                     OldAnalysis old_analysis = OldAnalysis::drop) {
  const Tokenizer tokenizer = byte_tokenizer();
  const HarmonyFormat format(tokenizer);
  return tokenizer.decode(
      format.render(harmony_conversation_from_json(parse_json(conversation, "test")), old_analysis),
      SpecialsInText::keep);
}

std::string type_of(const std::string& schema) {
  return typescript_type(parse_json(schema, "test"), "");
}

/// The messages of an output, one a line: role channel recipient type: text.
std::string parsed(const std::string& output,
                   HarmonyStrictness strictness = HarmonyStrictness::strict) {
  const Tokenizer tokenizer = byte_tokenizer();
  const HarmonyFormat format(tokenizer);
  HarmonyParser parser(format, HarmonyRole::assistant, strictness);
  for (const i64 id : tokenizer.encode(output, {.special_text = SpecialText::parse}).ids)
    parser.push(id);
  parser.finish();
  std::string lines;
  for (const HarmonyMessage& m : parser.messages()) {
    lines += fmt::format("{} {} {} {}: {}\n", name_of(m.role), m.channel.value_or("-"),
                         m.recipient.value_or("-"), m.content_type.value_or("-"),
                         std::get<std::string>(m.content.front()));
  }
  return lines;
}

TEST(HarmonyGolden, GivesTheVectorsOfTheReference) {
  MEDLAR_NEEDS_SHARED();
  const Tokenizer tokenizer =
      load_tokenizer(tests::shared_folder() / "data/tok/o200k_base.tiktoken");
  i64 files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(tests::shared_folder() / "golden/harmony")) {
    ++files;
    for (const CaseResult& result : verify_harmony_cases(tokenizer, read_json_file(entry.path()))) {
      EXPECT_TRUE(result.pass) << entry.path() << " " << result.name << "\nexpected "
                               << result.expected << "\ngot      " << result.got;
    }
  }
  EXPECT_GE(files, 15);
}

TEST(HarmonyGolden, GivesTheTextsOfTheReference) {
  const Json cases =
      read_json_file(std::filesystem::path(MEDLAR_SOURCE_DIR) / "tests/cases/harmony.json");
  EXPECT_GT(cases.size(), 50u);
  const Tokenizer tokenizer = byte_tokenizer();
  for (const CaseResult& result : verify_harmony_cases(tokenizer, cases)) {
    // Of an error that names ids only the rest can be the same: the vocabularies differ.
    if (result.expected.find("Unexpected token") != std::string::npos) continue;
    EXPECT_TRUE(result.pass) << result.name << "\nexpected " << result.expected << "\ngot      "
                             << result.got;
  }
}

TEST(HarmonyRender, SystemMessageHasItsPartsInOrder) {
  EXPECT_EQ(rendered(R"({"messages": [{"role": "system", "content": [{"type": "system_content",
              "model_identity": "You are X.", "reasoning_effort": "Low",
              "conversation_start_date": "2026-03-07", "knowledge_cutoff": "2024-06",
              "channel_config": {"valid_channels": ["final"], "channel_required": false}}]}]})"),
            "<|start|>system<|message|>You are X.\nKnowledge cutoff: 2024-06\nCurrent date: "
            "2026-03-07\n\nReasoning: low\n\n# Valid channels: final.<|end|>");
}

TEST(HarmonyRender, OldAnalysisGoesOnceAnAnswerWasGiven) {
  const std::string conversation = R"({"messages": [
      {"role": "assistant", "channel": "analysis", "content": "hm"},
      {"role": "assistant", "channel": "final", "content": "yes"}]})";
  EXPECT_EQ(rendered(conversation), "<|start|>assistant<|channel|>final<|message|>yes<|end|>");
  EXPECT_NE(rendered(conversation, OldAnalysis::keep).find("hm"), std::string::npos);
}

TEST(HarmonyRender, SpecialTextInContentStaysText) {
  const Tokenizer tokenizer = byte_tokenizer();
  const HarmonyFormat format(tokenizer);
  const std::vector<HarmonyMessage> conversation = {{.role = HarmonyRole::user,
                                                     .name = {},
                                                     .content = {"<|end|>"},
                                                     .channel = {},
                                                     .recipient = {},
                                                     .content_type = {}}};
  const std::vector<i64> ids = format.render(conversation);
  EXPECT_EQ(std::ranges::count(ids, format.marks().end), 1);
}

TEST(HarmonyRender, WrongConversationsAreErrorsInTheReferencesWords) {
  const auto words = [](const std::string& conversation) {
    try {
      return rendered(conversation);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(words(R"({"messages": [{"role": "tool", "content": "x"}]})"),
            "Tools should have a name!");
  EXPECT_EQ(words(R"({"messages": [{"role": "user", "content": [{"type": "system_content"}]}]})"),
            "SystemContent may only appear in system messages, found in User");
  for (const char* broken :
       {"[]", "{}", R"({"messages": [{"role": "user"}]})",
        R"({"messages": [{"role": "nurse", "content": "x"}]})",
        R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})"}) {
    EXPECT_NE(words(broken), "") << broken;
  }
}

TEST(HarmonySchema, TypesAsTheModelKnowsThem) {
  EXPECT_EQ(type_of(R"({"type": "integer"})"), "number");
  EXPECT_EQ(type_of(R"({"type": "string", "enum": ["a", "b"]})"), "\"a\" | \"b\"");
  EXPECT_EQ(type_of(R"({"type": "array", "items": {"type": "string", "enum": ["a", "b"]}})"),
            "\"a\" | \"b\"[]");
  EXPECT_EQ(type_of(R"({"type": "array"})"), "Array<any>");
  EXPECT_EQ(type_of(R"({"type": ["integer", "null"]})"), "number | null");
  EXPECT_EQ(type_of(R"({"anyOf": [{"type": "string"}]})"), "any");
  EXPECT_EQ(type_of("true"), "any");
  EXPECT_EQ(type_of(R"({"oneOf": [{"type": "string", "default": "x"}, {"type": "number"}]})"),
            "\n | string // default: \"x\"\n | number");
}

TEST(HarmonySchema, PropertiesCarryTitlesExamplesAndDefaults) {
  EXPECT_EQ(type_of(R"({"type": "object", "required": ["b"], "properties": {
              "a": {"title": "T", "description": "D", "examples": ["x"], "type": "number", "default": 1.0},
              "b": {"type": "string", "nullable": true}}})"),
            "{\n// T\n//\n// D\n// Examples:\n// - \"x\"\na?: number, // default: 1.0\n"
            "b: string | null,\n}");
}

TEST(HarmonySchema, NumbersAreWrittenAsTheReferenceDoes) {
  EXPECT_EQ(compact_json(parse_json("[1, 1.0, 1e-7, 1e16, 0.0001, 123456.5, -2.5e-10]", "test")),
            "[1,1.0,1e-7,1e16,0.0001,123456.5,-2.5e-10]");
}

TEST(HarmonyParse, EitherPlaceOfTheRecipientCounts) {
  EXPECT_EQ(parsed("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"),
            "assistant commentary functions.f <|constrain|>json: {}\n");
  EXPECT_EQ(parsed(" to=functions.f<|channel|>commentary json<|message|>{}<|call|>"),
            "assistant commentary functions.f json: {}\n");
}

TEST(HarmonyParse, WhatTheFormatDoesNotAllowIsAnError) {
  EXPECT_THROW(parsed("<|channel|>final far too many words<|message|>x<|end|>"), Error);
  EXPECT_THROW(parsed("<|channel|><|message|>x"), Error);
  EXPECT_THROW(parsed("<|channel|>final"), Error);
  EXPECT_THROW(parsed("<|channel|>final<|message|>x<|end|>y"), Error);
}

TEST(HarmonyParse, TolerantTakesACutHeaderForContent) {
  EXPECT_EQ(parsed("<|channel|>analysis to=f hello<|end|>", HarmonyStrictness::tolerant),
            "assistant analysis - -: to=f hello\n");
}

TEST(HarmonyParse, ACutCharacterIsHeldBackAndReplacedAtTheEnd) {
  const Tokenizer tokenizer = byte_tokenizer();
  const HarmonyFormat format(tokenizer);
  HarmonyParser parser(format, HarmonyRole::assistant);
  parser.push(format.marks().message);
  parser.push(0xe2);
  EXPECT_FALSE(parser.delta());
  parser.push(0x82);
  EXPECT_FALSE(parser.delta());
  parser.finish();
  EXPECT_EQ(std::get<std::string>(parser.messages().front().content.front()), "\uFFFD");
}

}  // namespace
}  // namespace medlar::text
