#include "runtime/zero_shot_cases.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "runtime/zero_shot.h"

namespace medlar::runtime {
namespace {

const Json& member(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key))
    fail(ErrorCode::invalid_argument, "zero-shot cases: no \"{}\"", key);
  return object[key];
}

std::string text_of(const Json& value) {
  if (!value.is_string()) fail(ErrorCode::invalid_argument, "zero-shot cases: not a text");
  return value.get<std::string>();
}

/// Characters before the byte offset.
i64 code_points_before(std::string_view text, i64 offset) {
  return std::count_if(text.begin(), text.begin() + offset,
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

std::string shown(std::string_view text, const text::ByteRange& range) {
  return fmt::format("{}-{}", code_points_before(text, range.begin),
                     code_points_before(text, range.end));
}

std::string shown(const Json& stored) {
  return fmt::format("{}-{}", member(stored, "start").dump(), member(stored, "end").dump());
}

VectorResult compare(std::string name, const std::vector<std::string>& got,
                     const std::vector<std::string>& expected) {
  VectorResult result = {
      .name = std::move(name), .pass = got == expected, .expected = {}, .got = {}};
  if (result.pass) return result;
  const auto differ = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
  result.got = differ.first == got.end() ? "nothing more" : *differ.first;
  result.expected = differ.second == expected.end() ? "nothing more" : *differ.second;
  return result;
}

SpanOptions options_of(const std::string& mode) {
  SpanOptions options;
  if (mode.starts_with("nested")) options.overlap = SpanOverlap::nested;
  if (mode.find("multi_label") != std::string::npos) options.labels = SpanLabels::several;
  constexpr std::string_view key = "threshold_";
  if (const auto at = mode.find(key); at != std::string::npos)
    std::from_chars(mode.data() + at + key.size(), mode.data() + mode.size(), options.threshold);
  return options;
}

/// The cases of one text.
class TextCases {
 public:
  TextCases(Runner& runner, const text::Tokenizer& tokenizer, std::vector<std::string> labels,
            double tolerance)
      : runner_(runner), tokenizer_(tokenizer), labels_(std::move(labels)), tolerance_(tolerance) {}

  std::vector<VectorResult> run(const Json& stored, i64 number) {
    const std::string text = text_of(member(stored, "text"));
    const ZeroShotPrompt prompt = zero_shot_prompt(tokenizer_, runner_.config(), text, labels_);
    std::vector<VectorResult> results = {words(text, prompt, stored, number)};
    const TokenInput input = {.ids = prompt.ids, .token_types = {}, .words = prompt.words_mask};
    const models::Outputs outputs = runner_.run({&input, 1});
    const auto scores = std::ranges::find(outputs, "scores", &models::Output::name);
    if (scores == outputs.end())
      fail(ErrorCode::unsupported, "a {} model scores no spans", runner_.family().name);
    if (const Shape& shape = scores->parts.front(); shape[2] != ssize_of(labels_)) {
      fail(ErrorCode::shape_mismatch,
           "the model found {} markers of labels in a prompt with {}: class_token_index is wrong",
           shape[2], labels_.size());
    }
    for (const auto& [mode, expected] : member(stored, "entities").items()) {
      const std::vector<ScoredSpan> spans = decode_spans(
          scores->value.values(), scores->parts.front(), prompt.words, options_of(mode));
      results.push_back(entities(fmt::format("{}_{}", mode, number), text, spans, expected));
    }
    return results;
  }

 private:
  static VectorResult words(std::string_view text, const ZeroShotPrompt& prompt, const Json& stored,
                            i64 number) {
    std::vector<std::string> got;
    std::vector<std::string> expected;
    for (const text::ByteRange& word : prompt.words) got.push_back(shown(text, word));
    for (const Json& word : member(stored, "words")) expected.push_back(shown(word));
    return compare(fmt::format("words_{}", number), got, expected);
  }

  VectorResult entities(std::string name, std::string_view text,
                        const std::vector<ScoredSpan>& spans, const Json& stored) const {
    std::vector<std::string> got;
    std::vector<std::string> expected;
    for (const ScoredSpan& span : spans) {
      got.push_back(shown(text, span.range) + " " + labels_[static_cast<std::size_t>(span.label)]);
    }
    for (const Json& entity : stored)
      expected.push_back(shown(entity) + " " + text_of(member(entity, "label")));
    VectorResult result = compare(std::move(name), got, expected);
    result.tolerance = tolerance_;
    for (std::size_t i = 0; result.pass && i < spans.size(); ++i) {
      const double score = member(stored[i], "score").get<double>();
      result.error = std::max(result.error, std::fabs(static_cast<double>(spans[i].score) - score));
      if (!(result.error <= tolerance_)) {
        result.pass = false;
        result.expected = fmt::format("{} with score {}", expected[i], score);
        result.got = fmt::format("{}", spans[i].score);
      }
    }
    return result;
  }

  Runner& runner_;
  const text::Tokenizer& tokenizer_;
  std::vector<std::string> labels_;
  double tolerance_;
};

}  // namespace

std::vector<VectorResult> verify_zero_shot(Runner& runner, const text::Tokenizer& tokenizer,
                                           const Json& cases, double tolerance) {
  std::vector<std::string> labels;
  for (const Json& label : member(cases, "labels")) labels.push_back(text_of(label));
  TextCases text_cases(runner, tokenizer, std::move(labels), tolerance);
  std::vector<VectorResult> results;
  i64 number = 0;
  for (const Json& stored : member(cases, "texts")) {
    for (VectorResult& result : text_cases.run(stored, number++))
      results.push_back(std::move(result));
  }
  return results;
}

}  // namespace medlar::runtime
