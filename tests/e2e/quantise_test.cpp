// quantize, convert, merge through the program, on the real small model that ships.
#include "e2e/cli.h"

namespace medlar::tests {
namespace {

TEST(Quantise, TheTextStaysNearAndTheDifferenceIsTold) {
  const std::string out = scratch("stories_q8.gguf");
  const std::string text = source("tests/cases/stories260K/greedy_200.txt").string();
  const Json data = data_of({"quantize", stories(), "--type", "Q8_0", "--out", out, "--compare",
                             text, "--imatrix", text});
  EXPECT_LT(data["divergence"]["mean_kl"].get<double>(), 0.01);
  EXPECT_GT(data["divergence"]["same_first_token"].get<double>(), 0.95);
  EXPECT_GT(data["tensors"].size(), 40u);
  const Json story = data_of({"generate", out, "--max-tokens", "20"});
  EXPECT_EQ(story["ids"].size(), 20u);
}

TEST(Convert, ThereAndBackGivesTheSameStory) {
  const std::string gguf = scratch("stories.gguf");
  const std::string folder = scratch("stories_folder");
  data_of({"convert", stories(), "--out", gguf});
  data_of({"convert", gguf, "--out", folder});
  const Json before = data_of({"generate", stories(), "--max-tokens", "60"});
  EXPECT_EQ(data_of({"generate", gguf, "--max-tokens", "60"})["ids"], before["ids"]);
}

TEST(Merge, AModelWithItselfIsItself) {
  const std::string gguf = scratch("self.gguf");
  const std::string folder = scratch("self_folder");
  const std::string merged = scratch("self_merged");
  data_of({"convert", stories(), "--out", gguf});
  data_of({"convert", gguf, "--out", folder});
  data_of({"merge", "--method", "slerp", "--models", folder, folder, "--out", merged});
  const Json answer = data_of({"inspect", merged});
  EXPECT_EQ(answer["parameters"], data_of({"inspect", folder})["parameters"]);
}

TEST(Quantise, WrongWishesAreUsageErrors) {
  EXPECT_EQ(medlar({"quantize", stories(), "--type", "Q9_9", "--out", scratch("x.gguf")}).exit_code,
            2);
  EXPECT_EQ(medlar({"quantize", stories(), "--type", "Q8_0", "--out", scratch("x.bin")}).exit_code,
            2);
  EXPECT_EQ(medlar({"merge", "--out", scratch("nothing")}).exit_code, 2);
}

}  // namespace
}  // namespace medlar::tests
