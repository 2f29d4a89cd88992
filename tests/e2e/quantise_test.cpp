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

TEST(Convert, TheSameStoryFromGguf) {
  const std::string gguf = scratch("stories.gguf");
  data_of({"convert", stories(), "--out", gguf});
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
  const auto tensors = [](const std::string& of) {
    return bytes_of(fs::path(of) / "model.safetensors");
  };
  EXPECT_GT(tensors(folder).size(), 1'000'000u);
  EXPECT_TRUE(tensors(merged) == tensors(folder));
}

TEST(Convert, WhatIsNoFileIsNotReplaced) {
  EXPECT_EQ(medlar({"convert", stories(), "--out", "/dev/null"}).exit_code, 1);
}

TEST(Eval, NothingIsNoPerfectScore) {
  const std::string empty = scratch("empty.tsv");
  write_bytes(empty, "");
  EXPECT_EQ(medlar({"eval", "ner", "--model", source("models/medlar-ner/medlar-ner.gguf").string(),
                    "--data", empty})
                .exit_code,
            1);
  EXPECT_EQ(medlar({"eval", "assertion", "--data", empty}).exit_code, 1);
}

TEST(Deid, AShiftIsANumberOfDays) {
  for (const char* days : {"x", "0", "3d", "99999999"})
    EXPECT_EQ(medlar({"deid", "-", "--date-shift", days}, "Seen 03/02/2024.").exit_code, 2) << days;
  EXPECT_EQ(medlar({"deid", "-", "--date-shift", "-3"}, "Seen 03/05/2024.").out,
            "Seen 03/02/2024.");
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
