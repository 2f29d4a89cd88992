// Wrong words, wrong files: the exit code, the error's code, and that no text of a record is said
// aloud.
#include "e2e/cli.h"

namespace medlar::tests {
namespace {

using Words = std::vector<std::string>;

TEST(Usage, WrongWordsExitWith2) {
  const std::vector<Words> wrong = {{"nosuchverb"},
                                    {"generate"},
                                    {"generate", stories(), "--nosuchflag"},
                                    {"generate", stories(), "--max-tokens", "abc"},
                                    {"generate", stories(), "--max-tokens", "-3"},
                                    {"generate", stories(), "--max-tokens", "0"},
                                    {"generate", stories(), "--threads", "99999999999999999999"},
                                    {"generate", stories(), "--seed", "-1"},
                                    {"generate", stories(), "--temperature", "warm"},
                                    {"inspect", stories(), "--context", "1e300"},
                                    {"perplexity", stories()},
                                    {"bench"},
                                    {"bench", "nosuchbench"},
                                    {"embed", stories(), "--pooling", "median"}};
  for (const Words& words : wrong) {
    const ProcessResult result = medlar(words);
    EXPECT_EQ(result.exit_code, 2) << words.back() << ": " << result.err;
    EXPECT_EQ(result.out, "") << words.back();
    EXPECT_NE(result.err, "") << words.back();
    EXPECT_EQ(error_code_of(words, 2), "usage") << words.back();
  }
}

TEST(Usage, NumbersWithoutMeaningAreRefused) {
  const std::vector<Words> wrong = {
      {"--temperature", "-1"}, {"--temperature", "nan"}, {"--temperature", "inf"}, {"--top-p", "2"},
      {"--top-p", "nan"},      {"--top-k", "-5"},        {"--isa", "quantum"}};
  for (const Words& extra : wrong) {
    Words words = {"generate", stories(), "--max-tokens", "3"};
    words.insert(words.end(), extra.begin(), extra.end());
    words.emplace_back("--json");
    const ProcessResult result = medlar(words);
    EXPECT_NE(result.exit_code, 0) << extra.front() << " " << extra.back();
    EXPECT_EQ(envelope_of(result)["ok"], false) << extra.front() << " " << extra.back();
  }
}

TEST(Files, MissingOnesAreNamed) {
  for (const char* verb : {"inspect", "generate", "tokenize", "embed", "verify", "perplexity"}) {
    Words words = {verb, "/no/such/model"};
    if (words.front() == "embed") words.insert(words.end(), {"--text", "a"});
    if (words.front() == "perplexity") words.insert(words.end(), {"--text", "-"});
    const ProcessResult result = medlar(words, "a text");
    EXPECT_EQ(result.exit_code, 1) << verb;
    EXPECT_EQ(result.out, "") << verb;
    EXPECT_NE(result.err.find("/no/such/model"), std::string::npos) << result.err;
    EXPECT_TRUE(result.err.starts_with("medlar " + std::string(verb) + ": ")) << result.err;
    EXPECT_EQ(error_code_of(words, 1, "a text"), "not_found") << verb;
  }
  EXPECT_EQ(error_code_of({"tokenize", stories(), "/no/such/text"}, 1), "not_found");
  EXPECT_EQ(error_code_of({"tokenize", stories(), "--jsonl", "/no/such/text"}, 1), "not_found");
}

TEST(Files, CutShortOrEmptyOrAFolderWithoutAModel) {
  const TemporaryFolder folder;
  const std::string model = bytes_of(source("models/stories260K/stories260K.bin"));
  fs::copy_file(source("models/stories260K/tok512.bin"), folder / "tok512.bin");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{3}, std::size_t{28}, model.size() / 2, model.size() - 1}) {
    write_bytes(folder / "cut.bin", model.substr(0, size));
    for (const char* verb : {"inspect", "generate"}) {
      const std::string code = error_code_of({verb, folder / "cut.bin"}, 1);
      EXPECT_TRUE(code == "corrupt_file" || code == "unsupported")
          << verb << " of " << size << " bytes: " << code;
    }
  }
  const std::string vocabulary = bytes_of(source("models/stories260K/tok512.bin"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, vocabulary.size() - 1}) {
    write_bytes(folder / "tok512.bin", vocabulary.substr(0, size));
    const std::string code = error_code_of({"tokenize", folder / "tok512.bin"}, 1, "a");
    EXPECT_TRUE(code == "corrupt_file" || code == "unsupported") << size << ": " << code;
  }
  fs::create_directory(folder / "empty");
  EXPECT_EQ(error_code_of({"inspect", folder / "empty"}, 1), "not_found");
  EXPECT_EQ(error_code_of({"tokenize", folder / "empty"}, 1, "a"), "not_found");
  // Folders where files are asked for.
  EXPECT_NE(error_code_of({"tokenize", stories(), folder / "empty"}, 1), "internal");
  EXPECT_NE(error_code_of({"tokenize", stories(), "--jsonl", folder / "empty"}, 1), "internal");
  EXPECT_NE(error_code_of({"perplexity", stories(), "--text", folder / "empty"}, 1), "internal");
  EXPECT_NE(
      error_code_of({"forward", stories(), "--in", folder / "empty", "--out", folder / "out"}, 1),
      "internal");
}

TEST(Texts, EmptyOnesAreRefusedWhereNothingFollows) {
  EXPECT_EQ(error_code_of({"perplexity", stories(), "--text", "-"}, 1, ""), "invalid_argument");
  EXPECT_EQ(error_code_of({"embed", stories(), "-"}, 2, ""), "usage");
}

TEST(Texts, AModelWithoutVectorsDoesNotEmbed) {
  EXPECT_EQ(error_code_of({"embed", stories(), "--text", "chest pain"}, 1), "unsupported");
}

TEST(Texts, NoTextOfARecordIsSaidAloud) {
  const std::string name = "Quirinius";
  const std::string broken = name + " \xff\xfe 1961";
  const std::vector<std::pair<Words, std::string>> cases = {
      {{"tokenize", stories()}, broken},
      {{"tokenize", stories(), "--jsonl"}, "\"" + name},
      {{"tokenize", stories(), "--jsonl"}, "{\"" + name + "\": 1}"},
      {{"perplexity", stories(), "--text", "-"}, broken},
      {{"generate", stories(), "--prompt", broken}, ""},
      // The text where a flag, a number or a verb belongs.
      {{"generate", stories(), name + " was admitted"}, ""},
      {{"generate", stories(), "--prmpt=" + name}, ""},
      {{"generate", stories(), "--max-tokens", name + " was admitted"}, ""},
      {{name + " was admitted"}, ""},
      {{"embed", stories(), "--text", broken}, ""},
      {{"detokenize", stories()}, "[1, \"" + name + "\"]"},
      {{"template", source("tests/fuzz/corpus/chat_template/chat.jinja").string(), "--input", "-"},
       "{\"messages\": \"" + name},
  };
  for (const auto& [words, input] : cases) {
    const ProcessResult plain = medlar(words, input);
    EXPECT_NE(plain.exit_code, 0) << words.front();
    EXPECT_EQ((plain.out + plain.err).find(name), std::string::npos) << plain.out << plain.err;
    Words with_json = words;
    with_json.emplace_back("--json");
    const ProcessResult json = medlar(with_json, input);
    EXPECT_EQ(envelope_of(json)["ok"], false) << words.front();
    EXPECT_EQ((json.out + json.err).find(name), std::string::npos) << json.out << json.err;
  }
}

}  // namespace
}  // namespace medlar::tests
