// Questions about pictures on the command line.
#include "e2e/cli.h"

namespace medlar::tests {
namespace {

using Words = std::vector<std::string>;

std::string model() { return source("tests/golden/glm4v/pictures").string(); }
std::string picture(const std::string& name) {
  return source("tests/fuzz/corpus/picture/" + name).string();
}

Words asking(const Words& more) {
  Words words = {"generate", model(), "--prompt", "what is it?", "--max-tokens", "12"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Pictures, TakeTheirTokensInThePrompt) {
  // 18 x 20 turned upright is 20 x 18; sides become multiples of 8 within 256 to 1024 pixels of two
  // frames: 16 x 16 (4 x 4 patches, 4 tokens); 3 x 3 becomes 16 x 16, too.
  const Json one = data_of(asking({"--image", picture("base.jpg")}));
  const Json two = data_of(asking({"--image", picture("base.jpg"), "--image", picture("rgb.png")}));
  const i64 marks = 2;
  EXPECT_GT(two["prompt_tokens"].get<i64>(), one["prompt_tokens"].get<i64>() + marks);
  EXPECT_EQ(one["ids"].size(), 12u);
}

TEST(Pictures, TheAnswerDependsOnThePictureAndOnNothingElse) {
  const Words question = asking({"--image", picture("base.jpg")});
  const Json ids = data_of(question)["ids"];
  for (const Words& way : {Words{"--chunk", "1"},
                           {"--chunk", "7"},
                           {"--ranks", "2"},
                           {"--threads", "1", "--isa", "reference"}}) {
    Words words = question;
    words.insert(words.end(), way.begin(), way.end());
    EXPECT_EQ(data_of(words)["ids"], ids) << way.front() << " " << way.back();
  }
  EXPECT_NE(data_of(asking({"--image", picture("cmyk.jpg")}))["ids"], ids);
}

TEST(Pictures, WhatCannotBeShownIsSaid) {
  Words elsewhere = asking({"--image", picture("base.jpg")});
  elsewhere[1] = stories();
  EXPECT_EQ(error_code_of(elsewhere, 1), "unsupported");
  EXPECT_EQ(error_code_of(asking({"--image", "/no/such/picture.png"}), 1), "not_found");
  EXPECT_EQ(error_code_of(asking({"--image", source("README.md").string()}), 1), "unsupported");
  Words tricky = asking({"--image", picture("base.jpg")});
  tricky[3] = "what is <|image|>?";
  EXPECT_EQ(error_code_of(tricky, 1), "invalid_argument");
}

TEST(Pictures, VerifyChecksBothTowers) {
  const std::string llava = source("tests/golden/llava/original").string();
  const Json both = data_of({"verify", llava});
  const Json stock = data_of({"verify", llava, "--vision-weights", "stock"});
  EXPECT_EQ(both["failed"], 0);
  EXPECT_EQ(stock["failed"], 0);
  EXPECT_GT(both["passed"].get<i64>(), stock["passed"].get<i64>());
  EXPECT_EQ(error_code_of({"verify", model(), "--vision-weights", "stock"}, 1), "not_found");
}

}  // namespace
}  // namespace medlar::tests
