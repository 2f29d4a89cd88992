// train and eval ner: a tiny encoder learns, dies, goes on and is measured.
#include "e2e/cli.h"
#include "support/tiny_bert.h"

namespace medlar::tests {
namespace {

/// A tiny encoder, a corpus and a recipe in a folder of their own.
class TinyTraining {
 public:
  /// More lines of [training] and of [[head]].
  explicit TinyTraining(const std::string& more = "", const std::string& of_head = "") {
    fs::create_directories(folder_ / "base");
    write_tiny_bert(folder_ / "base");
    write_bytes(folder_ / "a.tsv", tiny_corpus());
    write_bytes(folder_ / "recipe.toml", "name = \"tiny\"\nbase = \"" + (folder_ / "base") +
                                             "\"\ndata = \"" + (folder_ / "") +
                                             "\"\n[training]\nepochs = 8\nbatch_tokens = 60\n"
                                             "sequence_tokens = 32\nlearning_rate = 5e-3\n"
                                             "save_minutes = 0.0\n" +
                                             more +
                                             "[[head]]\nname = \"finding\"\ntrain = \"a.tsv\"\n"
                                             "devel = \"a.tsv\"\n" +
                                             of_head);
  }

  std::vector<std::string> words(const std::string& out) const {
    return {"train", "--recipe", folder_ / "recipe.toml", "--out", folder_ / out, "--threads", "1"};
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
};

TEST(Train, LearnsAndIsMeasured) {
  const TinyTraining training;
  const Json data = data_of(training.words("out"));
  EXPECT_EQ(data.value("finished", false), true);
  EXPECT_GT(data["last"].value("mean_f1", 0.0), 0.95) << data.dump();
  const Json eval =
      data_of({"eval", "ner", "--model", training / "out/best", "--data", training / "a.tsv"});
  EXPECT_DOUBLE_EQ(eval.value("f1", 0.0), data["last"]["devel_f1"].value("finding", -1.0));
  EXPECT_EQ(eval.value("head", std::string()), "finding");
  ASSERT_TRUE(eval.contains("types") && eval["types"].contains("disease")) << eval.dump();
  EXPECT_LE(eval["intervals_95"]["f1"][0].get<double>(), eval.value("f1", 0.0));
  const Json ner = data_of({"ner", training / "out/best"}, "The patient has severe cough.");
  EXPECT_EQ(ner["entities"].at(0).value("label", std::string()), "disease");
}

TEST(Train, KeepsAChainsTransitionsInEveryContainer) {
  const TinyTraining training("", "crf = true\n");
  const Json data = data_of(training.words("out"));
  EXPECT_GT(data["last"].value("mean_f1", 0.0), 0.95) << data.dump();
  EXPECT_GT(Json::parse(bytes_of(training / "out/best/config.json"))
                .at("/medlar_heads/0/transitions/between"_json_pointer)
                .size(),
            0u);
  data_of({"convert", training / "out/best", "--out", training / "model.gguf"});
  const auto ner = [&](const std::string& model) {
    return data_of({"ner", model}, "The patient had acute renal failure.")["entities"];
  };
  const Json found = ner(training / "out/best");
  EXPECT_EQ(found.at(0).value("label", std::string()), "disease");
  EXPECT_EQ(found.at(0).value("text", std::string()), "acute renal failure");
  EXPECT_EQ(ner(training / "model.gguf"), found);
  const Json eval =
      data_of({"eval", "ner", "--model", training / "model.gguf", "--data", training / "a.tsv"});
  EXPECT_DOUBLE_EQ(eval.value("f1", 0.0), data["last"]["devel_f1"].value("finding", -1.0));
}

TEST(Train, GoesOnAfterAKillToTheSameBits) {
  const TinyTraining training;
  ASSERT_EQ(medlar(training.words("whole")).exit_code, 0);
  {
    const Process process(command_of(training.words("killed")), "");
    const fs::path state = training / "killed/state.safetensors";
    for (int i = 0; i < 6000 && !fs::exists(state); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_TRUE(fs::exists(state));
    process.send(SIGKILL);
  }
  EXPECT_FALSE(fs::exists(training / "killed/curves.svg") &&
               bytes_of(training / "killed/log.jsonl") == bytes_of(training / "whole/log.jsonl"))
      << "the training ended before it was killed";
  ASSERT_EQ(medlar(training.words("killed")).exit_code, 0);
  EXPECT_EQ(bytes_of(training / "killed/best/model.safetensors"),
            bytes_of(training / "whole/best/model.safetensors"));
}

TEST(Train, TunesALanguageModelByAnAdapterThatLoadsAndMerges) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.jsonl", "{\"text\": \"The nurse gave Lily one red pill.\"}\n");
  data_of({"convert", stories(), "--out", folder / "base"});
  write_bytes(folder / "base/tok512.bin", bytes_of(source("models/stories260K/tok512.bin")));
  write_bytes(folder / "recipe.toml",
              "name = \"tiny\"\ntask = \"causal-lm\"\nbase = \"" + (folder / "base") +
                  "\"\ndata = \"" + (folder / "") +
                  "\"\ntrain = \"a.jsonl\"\ndevel = \"a.jsonl\"\n[training]\nepochs = 40\n"
                  "sequence_tokens = 64\nlearning_rate = 5e-3\nevaluations = 1\n"
                  "[lora]\nrank = 4\nalpha = 8\n"
                  "targets = [\"q_proj\", \"v_proj\", \"down_proj\"]\n");
  const Json data = data_of(
      {"train", "--recipe", folder / "recipe.toml", "--out", folder / "out", "--threads", "1"});
  EXPECT_LT(data["last"].value("perplexity", 99.0), 2.0) << data.dump();
  const auto written = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "generate");
    for (const char* word : {"--prompt", "The nurse gave", "--max-tokens", "12"})
      words.emplace_back(word);
    return data_of(words).dump();
  };
  const std::string adapter = folder / "out/best";
  EXPECT_NE(written({folder / "base", "--adapter", adapter}).find("Lily one red"),
            std::string::npos);
  data_of({"merge", "--base", folder / "base", "--adapter", adapter, "--out", folder / "merged"});
  write_bytes(folder / "merged/tok512.bin", bytes_of(source("models/stories260K/tok512.bin")));
  EXPECT_NE(written({folder / "merged"}).find("Lily one red"), std::string::npos);
}

TEST(Train, RefusesRecipesItDoesNotUnderstand) {
  EXPECT_EQ(error_code_of(TinyTraining("lr = 1.0\n").words("out"), 1), "corrupt_file");
  EXPECT_EQ(error_code_of(TinyTraining("clip = 0.0\n").words("out"), 1), "corrupt_file");
  EXPECT_EQ(error_code_of(TinyTraining("seed = \"x\"\n").words("out"), 1), "corrupt_file");
  EXPECT_EQ(error_code_of(TinyTraining("[lora]\nrank = 0\n").words("out"), 1), "corrupt_file");
  EXPECT_EQ(error_code_of(TinyTraining("[teacher]\nmodel = \"none\"\n").words("out"), 1),
            "not_found");
  EXPECT_EQ(error_code_of(TinyTraining("dropout =\n").words("out"), 1), "corrupt_file");
  EXPECT_EQ(error_code_of({"train", "--recipe", "no-such.toml"}, 1), "not_found");
  EXPECT_EQ(error_code_of({"train"}, 2), "usage");
}

}  // namespace
}  // namespace medlar::tests
