#include "runtime/zero_shot.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace medlar::runtime {
namespace {

/// Four words of two letters and spans of up to three words, with two labels.
const std::vector<text::ByteRange> words = {{0, 2}, {3, 5}, {6, 8}, {9, 11}};
const Shape shape = {4, 3, 2};

struct Scores {
  std::vector<float> values = std::vector<float>(24, 0.0f);

  Scores& set(i64 first, i64 width, i64 label, float score) {
    values[static_cast<std::size_t>((first * 3 + width) * 2 + label)] = score;
    return *this;
  }
};

std::vector<std::string> decoded(const Scores& scores, const SpanOptions& options) {
  std::vector<std::string> spans;
  for (const ScoredSpan& span : decode_spans(scores.values, shape, words, options))
    spans.push_back(fmt::format("{}-{} {}", span.range.begin, span.range.end, span.label));
  return spans;
}

using Spans = std::vector<std::string>;

TEST(DecodeSpans, OfOverlappingSpansTheBetterIsKept) {
  Scores scores;
  scores.set(0, 1, 0, 0.7f).set(1, 1, 1, 0.9f).set(3, 0, 0, 0.6f);
  EXPECT_EQ(decoded(scores, {}), (Spans{"3-8 1", "9-11 0"}));
}

TEST(DecodeSpans, OnlyScoresAboveTheThresholdCount) {
  Scores scores;
  scores.set(0, 0, 0, 0.5f).set(2, 0, 1, 0.51f);
  EXPECT_EQ(decoded(scores, {}), Spans{"6-8 1"});
  EXPECT_EQ(decoded(scores, {.threshold = 0.4f}), (Spans{"0-2 0", "6-8 1"}));
}

TEST(DecodeSpans, NestedSpansMayBothStayButNotCrossingOnes) {
  Scores scores;
  scores.set(0, 2, 0, 0.9f).set(1, 0, 1, 0.8f).set(2, 1, 1, 0.7f);
  EXPECT_EQ(decoded(scores, {.overlap = SpanOverlap::nested}), (Spans{"0-8 0", "3-5 1"}));
}

TEST(DecodeSpans, TheSameWordsHaveSeveralLabelsOnlyWhereAskedFor) {
  Scores scores;
  scores.set(1, 1, 0, 0.7f).set(1, 1, 1, 0.8f);
  EXPECT_EQ(decoded(scores, {}), Spans{"3-8 1"});
  EXPECT_EQ(decoded(scores, {.labels = SpanLabels::several}), (Spans{"3-8 1", "3-8 0"}));
}

TEST(DecodeSpans, SpansBeyondTheLastWordAreNotThere) {
  Scores scores;
  scores.set(3, 1, 0, 0.9f).set(2, 2, 0, 0.9f);
  EXPECT_EQ(decoded(scores, {}), Spans{});
}

TEST(DecodeSpans, RefusesScoresOfAnotherShape) {
  EXPECT_THROW(decode_spans(std::vector<float>(10, 0.0f), shape, words, {}), Error);
}

}  // namespace
}  // namespace medlar::runtime
