// Several heads of one token classifier: what stands in config.json, and paths of labels.
#include "runtime/head_decoding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace medlar::runtime {
namespace {

const std::vector<std::string> labels = {"O", "B-gene", "I-gene", "B-cell", "I-cell"};

TEST(TokenHeads, AreReadAndChecked) {
  const TokenHead head = {.name = "a", .labels = labels, .first = 2, .renamed = {{"GENE", "gene"}}};
  const Json config = {{"medlar_heads", {to_json(head)}}};
  const std::vector<TokenHead> read = token_heads(config, 7);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].labels, labels);
  EXPECT_EQ(read[0].first, 2);
  EXPECT_EQ(read[0].renamed.at("GENE"), "gene");
  EXPECT_THROW(token_heads(config, 6), Error);
  EXPECT_THROW(token_heads(Json{{"medlar_heads", {{{"name", "a"}}}}}, 7), Error);
  EXPECT_THROW(
      token_heads(Json{{"medlar_heads", {{{"name", "a"}, {"labels", {"I-x"}}, {"first", 0}}}}}, 7),
      Error);
  EXPECT_TRUE(token_heads(Json::object(), 7).empty());
}

TEST(BestPath, IsTheBestOfAllWellFormedOnes) {
  // Every path of three tokens, by hand: the best well-formed one has to win.
  const std::vector<float> scores = {-1.0f, -3.0f, -0.5f, -2.0f, -9.0f,  //
                                     -2.0f, -1.5f, -0.1f, -3.0f, -0.2f,  //
                                     -1.0f, -2.5f, -0.7f, -0.9f, -0.05f};
  const Transitions t = well_formed(labels);
  double best = -INFINITY;
  std::vector<i64> expected;
  for (i64 code = 0; code < 125; ++code) {
    const std::vector<i64> path = {code / 25, code / 5 % 5, code % 5};
    double sum = static_cast<double>(t.start[static_cast<std::size_t>(path[0])]);
    for (std::size_t i = 0; i < 3; ++i) {
      sum += static_cast<double>(scores[i * 5 + static_cast<std::size_t>(path[i])]);
      if (i > 0)
        sum += static_cast<double>(t.between[static_cast<std::size_t>(path[i - 1] * 5 + path[i])]);
    }
    if (sum > best) {
      best = sum;
      expected = path;
    }
  }
  EXPECT_EQ(best_path(scores, t), expected);
  EXPECT_TRUE(best_path({}, t).empty());
}

TEST(SpansOfLabels, BeginWhereTheTypeChanges) {
  const std::vector<std::string> path = {"I-gene", "I-gene", "B-gene", "I-cell", "O", "B-cell"};
  const std::vector<LabelledSpan> expected = {
      {0, 2, "gene"}, {2, 3, "gene"}, {3, 4, "cell"}, {5, 6, "cell"}};
  EXPECT_EQ(spans_of_labels(path), expected);
}

TEST(TokenHeads, KeepTheirTransitionsToTheBit) {
  TokenHead head = {.name = "a", .labels = {"O", "B-x"}, .first = 0, .renamed = {}};
  head.learned = {.between = {0.1f, -2.5e-7f, 3.0f, 1.0f / 3.0f},
                  .start = {0.7f, -0.3f},
                  .end = {-1e-20f, 5.0f}};
  const auto read = [](const Json& json) {
    return token_heads(Json{{"medlar_heads", {Json::parse(json.dump())}}}, 2).at(0);
  };
  const TokenHead again = read(to_json(head));
  ASSERT_TRUE(again.learned.has_value());
  EXPECT_EQ(again.learned->between, head.learned->between);
  EXPECT_EQ(again.learned->start, head.learned->start);
  EXPECT_EQ(again.learned->end, head.learned->end);
  head.learned->end.push_back(0.0f);
  EXPECT_THROW(read(to_json(head)), Error);
  head.learned->end = {0.0f, INFINITY};
  EXPECT_THROW(read(to_json(head)), Error);
}

TEST(SpansOfHead, FollowLearnedTransitions) {
  TokenHead head = {.name = "a", .labels = {"O", "B-x", "I-x"}, .first = 0, .renamed = {}};
  const std::vector<float> logits = {0.0f, 5.0f, 0.0f,  //
                                     1.0f, 0.0f, 0.5f};
  const HeadLogits both = {.values = logits, .columns = 3, .rows = {0, 1}, .first_row = 0};
  EXPECT_EQ(spans_of_head(head, both), (std::vector<LabelledSpan>{{0, 1, "x"}}));
  head.learned = {.between = std::vector<float>(9, 0.0f),
                  .start = std::vector<float>(3, 0.0f),
                  .end = std::vector<float>(3, 0.0f)};
  EXPECT_EQ(spans_of_head(head, both), (std::vector<LabelledSpan>{{0, 1, "x"}}));
  head.learned->between[5] = 2.0f;  // I after B
  EXPECT_EQ(spans_of_head(head, both), (std::vector<LabelledSpan>{{0, 2, "x"}}));
  const std::vector<float> p = label_probabilities(head, both);
  for (const std::size_t row : {0u, 3u}) EXPECT_NEAR(p[row] + p[row + 1] + p[row + 2], 1.0f, 1e-6f);
  EXPECT_EQ(p[2], 0.0f) << "no span begins with I";
}

TEST(SpansOfHead, TakeItsColumnsOfTheGivenRows) {
  const TokenHead head = {.name = "a", .labels = {"O", "B-x", "I-x"}, .first = 1, .renamed = {}};
  // Column 0 is another head's; row 1 is left out.
  const std::vector<float> logits = {9.0f, 0.0f, 2.0f, 5.0f,  //
                                     9.0f, 0.0f, 0.0f, 9.0f,  //
                                     9.0f, 1.0f, 0.0f, 3.0f};
  const HeadLogits some = {.values = logits, .columns = 4, .rows = {0, 2}, .first_row = 0};
  const std::vector<LabelledSpan> spans = spans_of_head(head, some);
  ASSERT_EQ(spans, (std::vector<LabelledSpan>{{0, 2, "x"}}));
  const double begin = std::exp(2.0) / (1.0 + std::exp(2.0) + std::exp(5.0));
  const double inside = std::exp(3.0) / (std::exp(1.0) + 1.0 + std::exp(3.0));
  EXPECT_NEAR(span_probability(head, label_probabilities(head, some), spans[0]),
              (begin + inside) / 2.0, 1e-6);
}

}  // namespace
}  // namespace medlar::runtime
