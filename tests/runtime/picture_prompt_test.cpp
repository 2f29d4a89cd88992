// Prompts with pictures, their positions, and the reference vectors of picture processing.
#include <gtest/gtest.h>

#include <cstdio>

#include "base/error.h"
#include "models/images.h"
#include "runtime/image_golden.h"
#include "runtime/picture_prompt.h"
#include "shared_data.h"
#include "text/load_tokenizer.h"

namespace medlar::runtime {
namespace {

constexpr models::PictureMarkers markers = {
    .image = 9, .video_start = 7, .video_end = 8, .merge = 2};

using Numbers = std::vector<i64>;

TEST(MropePositions, APictureSpansItsGridAndTextGoesOnBeyondIt) {
  const std::vector<models::Grid> grids = {{1, 4, 6}};
  const Numbers ids = {1, 2, 9, 9, 9, 9, 9, 9, 3};
  const models::PromptPositions p = models::mrope_positions(ids, grids, markers);
  EXPECT_EQ(p.values, (Numbers{0, 1, 2, 2, 2, 2, 2, 2, 5,     // time
                               0, 1, 2, 2, 2, 3, 3, 3, 5,     // row
                               0, 1, 2, 3, 4, 2, 3, 4, 5}));  // column
  EXPECT_EQ(p.next, 6);
}

TEST(MropePositions, FramesOfAVideoStandApart) {
  const std::vector<models::Grid> grids = {{2, 2, 2}};
  const Numbers ids = {7, 9, 5, 9, 5, 8};
  const models::PromptPositions p = models::mrope_positions(ids, grids, markers);
  EXPECT_EQ(Numbers(p.values.begin(), p.values.begin() + 6), (Numbers{0, 1, 2, 3, 4, 5}));
}

TEST(MropePositions, PlaceholdersAndPicturesMustFit) {
  const std::vector<models::Grid> grids = {{1, 4, 6}};
  for (const Numbers& ids : {Numbers{1, 9, 9, 9}, {1, 2}, {1, 9, 9, 9, 2, 9, 9, 9}, {}})
    EXPECT_THROW(models::mrope_positions(ids, grids, markers), Error);
}

TEST(PicturePrompt, PlaceholdersAreExpandedInOrder) {
  const Numbers tokens = {2, 3};
  EXPECT_EQ(expand_pictures("a<i>b<i>c", "<i>", tokens), "a<i><i>b<i><i><i>c");
  EXPECT_THROW(expand_pictures("a<i>b", "<i>", tokens), Error);
  EXPECT_THROW(expand_pictures("a<i>b<i>c<i>", "<i>", tokens), Error);
  const std::vector<std::string> times = {"0", "1"};
  EXPECT_EQ(expand_video("[<|video|>]", {2, 2, 4}, 2, times),
            "[<|begin_of_image|><|image|><|image|><|end_of_image|>0"
            "<|begin_of_image|><|image|><|image|><|end_of_image|>1]");
  EXPECT_THROW(expand_video("no place", {1, 2, 2}, 2, times), Error);
}

/// Ids of the pieces as the reference's tokenizer gives them, each with its own leading space
/// (28705).
TEST(PicturePrompt, LlavaMedTokenisesItsPiecesApart) {
  const auto shared = tests::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "../shared is not here";
  const text::Tokenizer tokenizer =
      text::load_tokenizer(shared / "data" / "tok" / "mistral01.tokenizer.json");
  const Numbers tokens = {3};
  const ChunkedPrompt prompt = llava_med_prompt(tokenizer, tokens, "What is shown?", 0);
  EXPECT_EQ(prompt.ids, (Numbers{1, 733, 16289, 28793, 28705, 0, 0, 0, 28705, 13, 3195, 349, 4894,
                                 28804, 733, 28748, 16289, 28793}));
  EXPECT_EQ(prompt.rows, (Numbers{5, 6, 7}));
}

TEST(PictureVectors, AllOfTheReferences) {
  const auto shared = tests::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "../shared is not here";
  const std::vector<VectorResult> results = verify_image_golden(shared / "golden" / "images");
  EXPECT_GT(results.size(), 1000u);
  for (const VectorResult& v : results)
    EXPECT_TRUE(v.pass) << v.name << " expected " << v.expected << " got " << v.got;
}

}  // namespace
}  // namespace medlar::runtime
