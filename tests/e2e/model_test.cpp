// generate, perplexity, forward, verify: the numbers of published and stored references through the
// program.
#include <csignal>

#include "e2e/cli.h"
#include "formats/safetensors.h"
#include "shared_data.h"

namespace medlar::tests {
namespace {

/// A golden folder, in the checkout or beside it; empty where there is none.
fs::path golden(const std::string& name) {
  if (fs::exists(source("tests/golden") / name)) return source("tests/golden") / name;
  const fs::path shared = shared_folder();
  return !shared.empty() && fs::exists(shared / "golden" / name) ? shared / "golden" / name
                                                                 : fs::path();
}

#define MEDLAR_NEEDS_GOLDEN(variable, name) \
  const fs::path variable = golden(name);   \
  if (variable.empty())                     \
  GTEST_SKIP() << "no golden folder " << name << " in tests/golden or beside the checkout"

/// A safetensors file with ids_0 and ids_1, the second longer than a page of the cache.
void write_inputs(const std::string& path) {
  std::vector<i64> first = {1, 403, 407, 261, 378};
  std::vector<i64> second;
  for (i64 i = 0; i < 70; ++i) second.push_back(1 + i * 37 % 500);
  const auto stored = [](const char* name, const std::vector<i64>& ids) {
    return formats::StoredTensor{.name = name,
                                 .format = QuantFormat::i64,
                                 .shape = {ssize_of(ids)},
                                 .bytes = std::as_bytes(std::span(ids)),
                                 .owner = nullptr};
  };
  formats::write_safetensors(
      path, std::vector<formats::StoredTensor>{stored("ids_0", first), stored("ids_1", second)});
}

TEST(Generate, ThePublishedGreedyStoryToTheCharacter) {
  const std::string story = bytes_of(source("tests/cases/stories260K/greedy_200.txt"));
  const Json data = data_of({"generate", stories(), "--max-tokens", "200"});
  EXPECT_EQ(data["text"], story);
  EXPECT_EQ(data["ids"].size(), 200u);
  EXPECT_EQ(data["prompt_tokens"], 1);
  EXPECT_EQ(data["finish"], "length");
  // Streamed, and beside nothing else.
  const ProcessResult streamed = medlar({"generate", stories(), "--max-tokens", "200"});
  EXPECT_EQ(streamed.out, story);
  EXPECT_EQ(streamed.err, "");
}

TEST(Generate, AStoryEndsWhereTheModelEndsIt) {
  const Json data = data_of({"generate", stories(), "--max-tokens", "1000"});
  EXPECT_EQ(data["finish"], "stop");
  EXPECT_LT(data["ids"].size(), 1000u);
}

TEST(Generate, TheSameTextWhateverTheMachineDoes) {
  const std::vector<std::string> base = {"generate",      stories(), "--prompt", "Once upon a time",
                                         "--max-tokens",  "60",      "--seed",   "7",
                                         "--top-k",       "40",      "--top-p",  "0.9",
                                         "--temperature", "0.8"};
  const std::string text = data_of(base)["text"];
  for (const std::vector<std::string>& extra :
       std::vector<std::vector<std::string>>{{"--threads", "1"},
                                             {"--threads", "2"},
                                             {"--chunk", "3"},
                                             {"--ranks", "2"},
                                             {"--isa", "reference"}}) {
    std::vector<std::string> words = base;
    words.insert(words.end(), extra.begin(), extra.end());
    EXPECT_EQ(data_of(words)["text"], text) << extra.front() << " " << extra.back();
  }
  std::vector<std::string> other = base;
  other[7] = "8";
  EXPECT_NE(data_of(other)["text"], text);
}

TEST(Generate, CtrlCEndsItWithinTwoSeconds) {
  std::string prompt;
  while (prompt.size() < 100'000) prompt += "a day ";
  Process process(command_of({"generate", stories(), "--prompt", prompt, "--isa", "reference",
                              "--threads", "1", "--chunk", "16"}),
                  "");
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!process.catches(SIGINT) && std::chrono::steady_clock::now() < patience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process.send(SIGINT);
  const auto sent = std::chrono::steady_clock::now();
  const ProcessResult result = process.wait(std::chrono::seconds(20));
  EXPECT_LT(std::chrono::steady_clock::now() - sent, std::chrono::seconds(2));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("stopped by the user"), std::string::npos) << result.err;
}

TEST(Perplexity, ThePublishedFigure) {
  const std::string sentence = "One day, a clever fox found a shiny key under the old oak tree.";
  const Json data = data_of({"perplexity", stories(), "--text", "-"}, sentence + "\n");
  EXPECT_NEAR(data["perplexity"].get<double>(), 4.953633, 1e-5);
  EXPECT_NEAR(data["nll"].get<double>(), 54.404121, 1e-4);
  EXPECT_EQ(data["predicted_tokens"], 34);
  EXPECT_NE(
      medlar({"perplexity", stories(), "--text", "-"}, sentence).out.find("perplexity 4.9536"),
      std::string::npos);
}

TEST(Forward, TheSameBytesWhateverTheMachineDoes) {
  const TemporaryFolder folder;
  write_inputs(folder / "in.safetensors");
  const auto outputs = [&](const std::vector<std::string>& extra) {
    std::vector<std::string> words = {"forward",  stories(),
                                      "--in",     folder / "in.safetensors",
                                      "--out",    folder / "out.safetensors",
                                      "--hidden", "--greedy",
                                      "5"};
    words.insert(words.end(), extra.begin(), extra.end());
    const Json data = data_of(words);
    EXPECT_EQ(data["/tensors/logits_1"_json_pointer], Json::array({70, 512}));
    EXPECT_EQ(data["/tensors/hidden_0_5"_json_pointer], Json::array({5, 64}));
    EXPECT_EQ(data["/tensors/greedy_0"_json_pointer], Json::array({5}));
    const std::string bytes = bytes_of(folder / "out.safetensors");
    fs::remove(folder / "out.safetensors");
    return bytes;
  };
  const std::string whole = outputs({});
  for (const std::vector<std::string>& extra :
       std::vector<std::vector<std::string>>{{"--threads", "1"},
                                             {"--threads", "2"},
                                             {"--chunk", "1"},
                                             {"--chunk", "7"},
                                             {"--ranks", "2"},
                                             {"--isa", "reference"}}) {
    EXPECT_TRUE(outputs(extra) == whole) << extra.front() << " " << extra.back();
  }
}

TEST(Forward, RefusesWrongInputs) {
  const TemporaryFolder folder;
  const std::string out = folder / "out.safetensors";
  EXPECT_EQ(error_code_of({"forward", stories(), "--in", folder / "none", "--out", out}, 1),
            "not_found");
  write_bytes(folder / "text", "this is no safetensors file");
  EXPECT_EQ(error_code_of({"forward", stories(), "--in", folder / "text", "--out", out}, 1),
            "corrupt_file");
  const std::vector<i64> beyond = {1, 100'000};
  formats::write_safetensors(folder / "beyond", std::vector<formats::StoredTensor>{
                                                    {.name = "ids_0",
                                                     .format = QuantFormat::i64,
                                                     .shape = {2},
                                                     .bytes = std::as_bytes(std::span(beyond)),
                                                     .owner = nullptr}});
  EXPECT_EQ(error_code_of({"forward", stories(), "--in", folder / "beyond", "--out", out}, 1),
            "invalid_argument");
  EXPECT_FALSE(fs::exists(out));
  write_inputs(folder / "in");
  EXPECT_NE(
      medlar({"forward", stories(), "--in", folder / "in", "--out", folder / "no/such/folder"})
          .exit_code,
      0);
}

TEST(Verify, AGoldenFolderPassesAndShowsItsCertificate) {
  MEDLAR_NEEDS_GOLDEN(model, "llama/gqa_tied_llama3_rope");
  const Json data = data_of({"verify", model.string()});
  EXPECT_GT(data["vectors"].size(), 0u);
  EXPECT_EQ(data["passed"].get<std::size_t>(), data["vectors"].size());
  const ProcessResult shown = medlar({"verify", model.string(), "--threads", "1"});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_NE(shown.out.find(": conformant\n"), std::string::npos) << shown.out;
}

TEST(Verify, FailsWhenAByteOfTheReferenceIsFlipped) {
  MEDLAR_NEEDS_GOLDEN(model, "llama/gqa_tied_llama3_rope");
  const TemporaryFolder folder;
  const std::string path = folder / "golden.safetensors";
  std::string bytes = bytes_of(model / "golden.safetensors");
  const formats::SafetensorsFile file =
      formats::parse_safetensors(std::as_bytes(std::span(bytes)), "golden", nullptr);
  const Bytes logits = file.tensors.at("logits_0").bytes;
  // The exponent of the first value.
  const auto place =
      static_cast<std::size_t>(reinterpret_cast<const char*>(logits.data()) - bytes.data()) + 3;
  bytes[place] = static_cast<char>(bytes[place] ^ 0x04);
  write_bytes(path, bytes);
  const ProcessResult result = medlar({"verify", model.string(), "--golden", path, "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const Json envelope = envelope_of(result);
  // A certificate that fails is an answer, not an error: the data stands.
  EXPECT_EQ(envelope["ok"], false);
  EXPECT_FALSE(envelope.contains("error"));
  EXPECT_EQ(envelope["/data/passed"_json_pointer].get<std::size_t>() + 1,
            envelope["/data/vectors"_json_pointer].size());
  const ProcessResult shown = medlar({"verify", model.string(), "--golden", path});
  EXPECT_EQ(shown.exit_code, 1);
  EXPECT_NE(shown.out.find("FAIL  logits_0"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("NOT conformant"), std::string::npos) << shown.out;
}

TEST(Verify, NeedsVectors) { EXPECT_EQ(error_code_of({"verify", stories()}, 1), "not_found"); }

}  // namespace
}  // namespace medlar::tests
