#include "e2e/cli.h"

namespace medlar::tests {
namespace {

const std::vector<std::vector<std::string>> verbs = {{"version"},
                                                     {"doctor"},
                                                     {"inspect"},
                                                     {"tokenize"},
                                                     {"detokenize"},
                                                     {"template"},
                                                     {"forward"},
                                                     {"verify"},
                                                     {"generate"},
                                                     {"embed"},
                                                     {"perplexity"},
                                                     {"completion"},
                                                     {"bench", "machine"},
                                                     {"bench", "model"},
                                                     {"models", "list"},
                                                     {"models", "info"},
                                                     {"models", "recommend"},
                                                     {"parse"},
                                                     {"ner"},
                                                     {"classify"},
                                                     {"qa"},
                                                     {"fill-mask"},
                                                     {"chat"},
                                                     {"deid"},
                                                     {"reid"},
                                                     {"eval", "deid"}};

TEST(Help, EveryVerbShowsAnExample) {
  const std::string all = medlar({"--help"}).out;
  for (std::vector<std::string> verb : verbs) {
    EXPECT_NE(all.find(verb.front()), std::string::npos) << verb.front();
    verb.emplace_back("--help");
    const ProcessResult help = medlar(verb);
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("Example:"), std::string::npos) << help.out;
    EXPECT_EQ(help.err, "");
  }
}

TEST(Help, NoVerbAtAllIsWrongUsage) {
  const ProcessResult result = medlar({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("--help"), std::string::npos) << result.err;
}

TEST(Version, IsOneNumber) {
  EXPECT_EQ(medlar({"version"}).out, "medlar " MEDLAR_VERSION "\n");
  EXPECT_EQ(data_of({"version"})["version"], MEDLAR_VERSION);
  EXPECT_EQ(medlar({"--version"}).out, MEDLAR_VERSION "\n");
}

TEST(Doctor, NamesWhatItLookedAt) {
  const Json data = data_of({"doctor"});
  ASSERT_GE(data["findings"].size(), 3u);
  for (const Json& finding : data["findings"]) {
    EXPECT_FALSE(finding["what"].get<std::string>().empty());
    // Whatever is not good comes with its mend.
    EXPECT_EQ(finding["good"].get<bool>(), !finding.contains("mend")) << finding;
  }
  EXPECT_NE(medlar({"doctor"}).out.find("instruction set"), std::string::npos);
}

TEST(Completion, ListsEveryVerbAndIsValidShell) {
  const ProcessResult script = medlar({"completion", "bash"});
  EXPECT_EQ(script.exit_code, 0);
  for (const auto& verb : verbs)
    EXPECT_NE(script.out.find(verb.back()), std::string::npos) << verb.back();
  const ProcessResult checked = run_process({"/bin/bash", "-n"}, script.out);
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_NE(medlar({"completion", "zsh"}).out.find("bashcompinit"), std::string::npos);
  EXPECT_EQ(error_code_of({"completion", "fish"}, 2), "usage");
}

TEST(Inspect, SaysWhatTheModelIs) {
  const Json data = data_of({"inspect", stories(), "--context", "512", "--tensors"});
  EXPECT_EQ(data["container"], "llama2.c");
  EXPECT_EQ(data["parameters"], 260032);
  EXPECT_EQ(data["/model/family"_json_pointer], "llama");
  EXPECT_EQ(data["/model/context"_json_pointer], 512);
  EXPECT_EQ(data["/tokenizer/vocabulary"_json_pointer], 512);
  EXPECT_EQ(data["tensor_list"].size(), data["tensors"].get<std::size_t>());
  // 5 layers, K and V, 512 tokens, 4 heads of 8 floats.
  EXPECT_GE(data["/model/memory/cache"_json_pointer], 5 * 2 * 512 * 4 * 8 * 4);
  const ProcessResult shown = medlar({"inspect", stories()});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_NE(shown.out.find("family         llama"), std::string::npos) << shown.out;
}

TEST(Bench, MachineTellsItsLimits) {
  const Json data = data_of({"bench", "machine", "--threads", "1"});
  for (const char* name : {"read_gb_per_s", "f32_gflops", "gemm_gflops", "gemm_share"}) {
    EXPECT_GT(data[name].get<double>(), 0.0) << name;
  }
  EXPECT_EQ(data["threads"], 1);
}

}  // namespace
}  // namespace medlar::tests
