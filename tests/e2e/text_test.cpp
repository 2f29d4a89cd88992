// tokenize, detokenize, template.
#include <fmt/format.h>

#include "e2e/cli.h"

namespace medlar::tests {
namespace {

constexpr int bos = 1;

TEST(Tokenize, ShowsIdsAndTheBytesTheyCameFrom) {
  const std::string text = "One day, a fox";
  const Json data = data_of({"tokenize", stories(), "-"}, text);
  ASSERT_GT(data["ids"].size(), 3u);
  EXPECT_EQ(data["ids"].size(), data["tokens"].size());
  ASSERT_EQ(data["ids"].size(), data["offsets"].size());
  EXPECT_EQ(data["ids"][0], bos);
  EXPECT_EQ(data["offsets"][0], Json::array({0, 0}));
  std::size_t covered = 0;
  for (const Json& range : data["offsets"]) {
    const auto begin = range[0].get<std::size_t>();
    const auto end = range[1].get<std::size_t>();
    EXPECT_TRUE(begin == covered || begin == end) << range;
    covered = std::max(covered, end);
  }
  EXPECT_EQ(covered, text.size());
  const ProcessResult shown = medlar({"tokenize", stories(), "-"}, text);
  EXPECT_NE(shown.out.find(fmt::format("{} tokens\n", data["ids"].size())), std::string::npos)
      << shown.out;
}

TEST(Tokenize, ReadsAFileAsItReadsStdin) {
  const TemporaryFolder folder;
  write_bytes(folder / "note.txt", "Lily went home.");
  EXPECT_EQ(data_of({"tokenize", stories(), folder / "note.txt"}),
            data_of({"tokenize", stories()}, "Lily went home."));
}

TEST(Tokenize, NoSpecialLeavesOutWhatStandsAroundTheText) {
  Json with = data_of({"tokenize", stories()}, "Lily")["ids"];
  with.erase(0);
  EXPECT_EQ(data_of({"tokenize", stories(), "--no-special"}, "Lily")["ids"], with);
}

TEST(Tokenize, AnEmptyTextIsOnlyWhatStandsAroundIt) {
  EXPECT_EQ(data_of({"tokenize", stories()}, "")["ids"], Json::array({bos}));
  EXPECT_EQ(data_of({"tokenize", stories(), "--no-special"}, "")["ids"], Json::array());
}

TEST(Tokenize, JsonlTakesALineForALine) {
  const ProcessResult lines =
      medlar({"tokenize", stories(), "--jsonl"}, "\"Lily\"\n\"a\\nb \\u00b0\"\n\"\"\n");
  ASSERT_EQ(lines.exit_code, 0) << lines.err;
  std::istringstream out(lines.out);
  std::vector<Json> rows;
  for (std::string line; std::getline(out, line);) rows.push_back(Json::parse(line));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["ids"], data_of({"tokenize", stories()}, "Lily")["ids"]);
  EXPECT_EQ(rows[1]["ids"], data_of({"tokenize", stories()}, "a\nb °")["ids"]);
  EXPECT_EQ(rows[2]["ids"], Json::array({bos}));
}

TEST(Tokenize, TypedSpecialTokensCountOnlyWhenAsked) {
  const fs::path vocabulary = source("tests/fuzz/corpus/tokenizer_json/wordpiece.json");
  if (!fs::exists(vocabulary)) GTEST_SKIP() << vocabulary << " is not here";
  const std::string text = "[MASK]";
  const Json plain = data_of({"tokenize", vocabulary.string(), "--no-special"}, text)["ids"];
  const Json parsed =
      data_of({"tokenize", vocabulary.string(), "--no-special", "--parse-special"}, text)["ids"];
  EXPECT_EQ(parsed.size(), 1u) << parsed;
  EXPECT_NE(plain, parsed);
}

TEST(Detokenize, GivesBackWhatWasTokenized) {
  const std::string text = "Lily went home, 38.7 °C.\nThe end";
  const Json ids = data_of({"tokenize", stories(), "--no-special"}, text)["ids"];
  EXPECT_EQ(data_of({"detokenize", stories()}, ids.dump())["text"], text);
  EXPECT_EQ(medlar({"detokenize", stories(), "-"}, ids.dump()).out, text + "\n");
  const ProcessResult lines =
      medlar({"detokenize", stories(), "--jsonl", "--skip-special"}, "[1]\n" + ids.dump() + "\n");
  EXPECT_EQ(lines.exit_code, 0) << lines.err;
  EXPECT_EQ(lines.out, "{\"text\":\"\"}\n" + Json({{"text", text}}).dump() + "\n");
}

TEST(Detokenize, RefusesWhatIsNoListOfIds) {
  EXPECT_EQ(error_code_of({"detokenize", stories()}, 1, "{\"a\": 1}"), "invalid_argument");
  EXPECT_EQ(error_code_of({"detokenize", stories()}, 1, "[1, \"x\"]"), "invalid_argument");
  EXPECT_EQ(error_code_of({"detokenize", stories()}, 1, "[1, 2"), "corrupt_file");
}

TEST(Template, RendersAConversationAndNothingElse) {
  const TemporaryFolder folder;
  write_bytes(folder / "chat_template.jinja",
              "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
              "{% if add_generation_prompt %}<assistant>{% endif %}");
  const std::string conversation =
      R"({"messages": [{"role": "user", "content": "Is 5.9 mmol/L high?"}], "add_generation_prompt": true})";
  const ProcessResult text =
      medlar({"template", folder / "chat_template.jinja", "--input", "-"}, conversation);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out, "<user>Is 5.9 mmol/L high?<assistant>");
  EXPECT_EQ(
      data_of({"template", folder / "chat_template.jinja", "--input", "-"}, conversation)["text"],
      text.out);
}

TEST(Template, BrokenOnesAreErrors) {
  const TemporaryFolder folder;
  write_bytes(folder / "chat_template.jinja", "{% for m in messages %}");
  EXPECT_EQ(error_code_of({"template", folder / "chat_template.jinja", "--input", "-"}, 1,
                          "{\"messages\": []}"),
            "corrupt_file");
  write_bytes(folder / "good.jinja", "{{ messages[0].content }}");
  EXPECT_EQ(
      error_code_of({"template", folder / "good.jinja", "--input", "-"}, 1, "{\"messages\": 3}"),
      "invalid_argument");
  EXPECT_EQ(
      error_code_of({"template", folder / "none.jinja", "--input", "-"}, 1, "{\"messages\": []}"),
      "not_found");
}

}  // namespace
}  // namespace medlar::tests
