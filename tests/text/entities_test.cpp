#include "text/entities.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "shared_data.h"
#include "text/entity_cases.h"
#include "text/load_tokenizer.h"
#include "text/small_tokenizers.h"
#include "text/viterbi.h"

namespace medlar::text {
namespace {

/// Logits that choose a class with the given margin.
std::vector<float> choosing(std::size_t chosen, std::size_t classes, float margin = 8.0F) {
  std::vector<float> row(classes, 0.0F);
  row[chosen] = margin;
  return row;
}

/// "label begin-end" of each entity, separated by commas.
std::string shown(const std::vector<Entity>& entities) {
  std::string out;
  for (const Entity& e : entities)
    out += fmt::format("{}{} {}-{}", out.empty() ? "" : ", ", e.label, e.range.begin, e.range.end);
  return out;
}

const std::vector<std::string> labels = {"O", "B-X", "I-X", "B-Y"};

/// The entities of "fevers cafe, fever" with a class for each of its tokens (fever ##s cafe ,
/// fever).
std::string entities(const std::vector<std::size_t>& classes, Aggregation aggregation) {
  const std::string text = "fevers cafe, fever";
  const Tokenizer tokenizer =
      tokenizer_from_json(small::word_piece_json().dump(), nullptr, "word pieces");
  const Encoding encoding = tokenizer.encode(text, {.special_tokens = SpecialTokens::add});
  std::vector<float> logits;
  for (std::size_t i = 0, next = 0; i < encoding.ids.size(); ++i) {
    const std::size_t chosen = encoding.sequences[i] < 0 ? 1 : classes.at(next++);
    for (const float x : choosing(chosen, labels.size())) logits.push_back(x);
  }
  const std::vector<ScoredToken> tokens = scored_tokens(tokenizer, encoding, logits, 4);
  return shown(entities_of(text, tokens, {.aggregation = aggregation, .labels = labels},
                           word_form_of(tokenizer)));
}

TEST(EntityGolden, GivesTheVectorsOfTheReference) {
  MEDLAR_NEEDS_SHARED();
  const Json golden = read_json_file(tests::shared_folder() / "golden/ner_aggregation.json");
  for (const char* name : {"bert-base-cased", "bert-base-uncased", "roberta-base"}) {
    const Tokenizer tokenizer = load_tokenizer(tests::shared_folder() / "data/tok" /
                                               (std::string(name) + ".tokenizer.json"));
    for (const CaseResult& result :
         verify_entity_cases([&](const std::string&) { return &tokenizer; }, golden)) {
      EXPECT_TRUE(result.pass) << name << " " << result.name << "\nexpected " << result.expected
                               << "\ngot      " << result.got;
    }
  }
}

TEST(Entities, SimpleTakesTokensFirstTakesWords) {
  EXPECT_EQ(entities({1, 0, 3, 0, 1}, Aggregation::none), "B-X 0-5, B-Y 7-11, B-X 13-18");
  EXPECT_EQ(entities({1, 0, 3, 0, 1}, Aggregation::simple), "X 0-5, Y 7-11, X 13-18");
  EXPECT_EQ(entities({1, 0, 3, 0, 1}, Aggregation::first), "X 0-6, Y 7-11, X 13-18");
  EXPECT_EQ(entities({1, 0, 3, 0, 1}, Aggregation::max), "X 0-6, Y 7-11, X 13-18");
}

TEST(Entities, TokensPutAroundTheTextNeverCount) {
  EXPECT_EQ(entities({0, 0, 0, 0, 0}, Aggregation::simple), "");
}

TEST(Entities, ScoresThatDoNotFitAreAnError) {
  const Tokenizer tokenizer =
      tokenizer_from_json(small::word_piece_json().dump(), nullptr, "word pieces");
  const std::vector<float> logits(5, 0.0F);
  EXPECT_THROW(scored_tokens(tokenizer, tokenizer.encode("fever"), logits, 4), Error);
}

TEST(Entities, OverlappingWindowsLeaveEachEntityOnce) {
  const auto entity = [](i64 begin, i64 end, float score) {
    return Entity{.label = "X", .score = score, .index = -1, .word = {}, .range = {begin, end}};
  };
  const std::string text(22, 'x');
  EXPECT_EQ(
      shown(merge_windows(text, {entity(0, 4, 0.9F), entity(10, 14, 0.5F), entity(10, 14, 0.7F),
                                 entity(11, 20, 0.1F), entity(20, 22, 0.3F)})),
      "X 0-4, X 11-20, X 20-22");
  EXPECT_TRUE(merge_windows("", {}).empty());
  // Characters count, not bytes: "µµ" is shorter than "abc".
  EXPECT_EQ(shown(merge_windows("µµabc", {entity(0, 4, 0.9F), entity(2, 7, 0.1F)})), "X 2-7");
}

const std::vector<std::string> bioes = {"O",   "B-N", "I-N", "E-N", "S-N",
                                        "B-D", "I-D", "E-D", "S-D"};

std::vector<i64> path_of(const std::vector<std::vector<float>>& rows,
                         const TransitionBiases& biases = {}) {
  std::vector<float> scores;
  for (const std::vector<float>& row : rows) scores.insert(scores.end(), row.begin(), row.end());
  return viterbi_path(log_softmax_rows(scores, 9), SpanLabels(bioes), biases);
}

TEST(Viterbi, OnlyWellFormedSpansComeOut) {
  // Alone, the middle token would be an end of D: within N it becomes a part of N.
  EXPECT_EQ(path_of({choosing(1, 9, 6), choosing(7, 9, 2), choosing(3, 9, 6)}),
            (std::vector<i64>{1, 2, 3}));
  EXPECT_EQ(path_of({choosing(2, 9)}), (std::vector<i64>{0}));  // ties: the lowest class
  EXPECT_TRUE(path_of({}).empty());
}

TEST(Viterbi, BiasesAreTheDialBetweenRecallAndPrecision) {
  const std::vector<std::vector<float>> rows = {choosing(0, 9, 1), choosing(4, 9, 1)};
  EXPECT_EQ(path_of(rows), (std::vector<i64>{0, 4}));
  EXPECT_EQ(path_of(rows, {.background_stay = 5}), (std::vector<i64>{0, 0}));
  EXPECT_EQ(path_of(rows, {.end_to_start = 9}), (std::vector<i64>{4, 4}));
}

TEST(Viterbi, WithoutAnAllowedPathTheFewestRulesAreBroken) {
  const std::vector<std::string> no_end = {"B-N", "I-N"};
  EXPECT_EQ(viterbi_path(std::vector<float>{-1.0F, 0.0F, -1.0F, 0.0F}, SpanLabels(no_end)),
            (std::vector<i64>{0, 1}));
  const float none = -INFINITY;
  EXPECT_EQ(viterbi_path(std::vector<float>{none, none, none, none}, SpanLabels(no_end)),
            (std::vector<i64>{0, 0}));
}

TEST(Viterbi, SpansOfAPath) {
  const std::vector<i64> path = {1, 2, 3, 4, 0, 8, 5, 7};
  EXPECT_EQ(spans_of(path, SpanLabels(bioes)),
            (std::vector<TokenSpan>{{1, 0, 3}, {1, 3, 4}, {2, 5, 6}, {2, 6, 8}}));
}

TEST(Viterbi, CalibrationMustBeWellFormed) {
  EXPECT_THROW(transition_biases_from_json(Json::object()), Error);
  EXPECT_THROW(
      transition_biases_from_json(parse_json(
          R"({"operating_points": {"default": {"biases": {"transition_bias_end_to_start": "x"}}}})",
          "test")),
      Error);
}

}  // namespace
}  // namespace medlar::text
