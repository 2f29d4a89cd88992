#include "clinical/assertion_cases.h"

#include "base/error.h"
#include "clinical/data_files.h"
#include "clinical/sentences.h"

namespace medlar::clinical {
namespace {

[[noreturn]] void broken(const std::string& source, i64 line, std::string_view reason) {
  fail(ErrorCode::corrupt_file, "{} line {}: {}", source, line, reason);
}

Assertion assertion_named(std::string_view names, const std::string& source, i64 line) {
  Assertion assertion;
  for (const std::string_view name : split_trimmed(names, '+')) {
    bool is_known = name == "present";
    for (i64 axis = 0; axis < ssize_of(assertion_axes()); ++axis) {
      if (assertion_axes()[static_cast<std::size_t>(axis)] != name) continue;
      axis_of(assertion, axis) = true;
      is_known = true;
    }
    if (!is_known) {
      broken(source, line,
             "an answer is present, negated, possible, historical, hypothetical or family, several "
             "joined by +");
    }
  }
  return assertion;
}

/// The text without its brackets; where they stood become targets. "\n" becomes a line end.
void read_text(std::string_view marked, const std::string& source, AssertionCase& one) {
  bool inside = false;
  for (std::size_t i = 0; i < marked.size(); ++i) {
    const char c = marked[i];
    if (c == '[' || c == ']') {
      if (inside != (c == ']')) broken(source, one.line, "brackets do not pair");
      inside = !inside;
      if (inside) one.targets.push_back({.begin = ssize_of(one.text), .end = 0});
      if (!inside) one.targets.back().end = ssize_of(one.text);
    } else if (c == '\\' && marked.substr(i, 2) == "\\n") {
      one.text += '\n';
      ++i;
    } else {
      one.text += c;
    }
  }
  if (inside) broken(source, one.line, "brackets do not pair");
}

AssertionCase read_case(std::string_view line, i64 number, const std::string& source) {
  AssertionCase one = {.line = number, .section = {}, .text = {}, .targets = {}, .expected = {}};
  const std::size_t arrow = line.rfind("=>");
  if (arrow == std::string_view::npos) broken(source, number, "no => between text and answers");
  std::string_view marked = trimmed(line.substr(0, arrow));
  if (marked.starts_with('{')) {
    const std::size_t end = marked.find('}');
    if (end == std::string_view::npos) broken(source, number, "a section without }");
    one.section = marked.substr(1, end - 1);
    marked = trimmed(marked.substr(end + 1));
  }
  read_text(marked, source, one);
  for (const std::string_view names : split_trimmed(line.substr(arrow + 2), ','))
    one.expected.push_back(assertion_named(names, source, number));
  if (one.expected.size() != one.targets.size())
    broken(source, number, "findings and answers differ in number");
  return one;
}

}  // namespace

std::vector<AssertionCase> read_assertion_cases(std::string_view text, const std::string& source) {
  std::vector<AssertionCase> cases;
  i64 number = 0;
  for (const std::string_view line : split_trimmed(text, '\n')) {
    ++number;
    if (!line.empty() && line.front() != '#') cases.push_back(read_case(line, number, source));
  }
  if (cases.empty()) fail(ErrorCode::invalid_argument, "{} holds no case", source);
  return cases;
}

std::vector<Assertion> assess_case(const AssertionRules& rules, const AssertionCase& one) {
  static const SentenceSplitter splitter;
  std::vector<Assertion> result;
  for (const ByteRange& sentence :
       splitter.split(one.text, {.begin = 0, .end = ssize_of(one.text)})) {
    std::vector<ByteRange> targets;
    for (const ByteRange& target : one.targets) {
      if (sentence.begin <= target.begin && target.begin < sentence.end) targets.push_back(target);
    }
    const std::vector<Word> words = words_of(one.text, sentence);
    for (const Assertion& assertion : rules.assess(one.text, words, targets, one.section))
      result.push_back(assertion);
  }
  return result;
}

}  // namespace medlar::clinical
