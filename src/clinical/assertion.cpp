#include "clinical/assertion.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/error.h"
#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

constexpr std::array<std::string_view, 5> axis_names = {"negated", "possible", "historical",
                                                        "hypothetical", "family"};
constexpr i64 axis_count = ssize_of(axis_names);
constexpr i64 whole_sentence = i64{1} << 40;
constexpr i64 backward_reach = 15;  ///< what stands further back is another clause

constexpr u32 bit(i64 axis) { return 1U << static_cast<u32>(axis); }
constexpr u32 historical_bit = bit(2);
constexpr u32 family_bit = bit(4);

u32 axis_bit(std::string_view name) {
  for (i64 axis = 0; axis < axis_count; ++axis) {
    if (axis_names[static_cast<std::size_t>(axis)] == name) return bit(axis);
  }
  return 0;
}

/// What a section says of everything in it.
u32 section_axes(std::string_view section) {
  if (section == "family_history") return family_bit;
  const bool is_past = section == "past_medical_history" || section == "past_surgical_history";
  return is_past ? historical_bit : 0;
}

Assertion assertion_of(u32 axes) {
  // What is denied is so for all times.
  const bool negated = (axes & bit(0)) != 0;
  return {.negated = negated,
          .possible = (axes & bit(1)) != 0 && !negated,
          .historical = (axes & historical_bit) != 0 && !negated,
          .hypothetical = (axes & bit(3)) != 0,
          .family = (axes & family_bit) != 0};
}

/// The first word that ends behind `byte`.
i64 word_at(std::span<const Word> words, i64 byte) {
  const auto found = std::partition_point(words.begin(), words.end(),
                                          [&](const Word& word) { return word.range.end <= byte; });
  return found - words.begin();
}

}  // namespace

std::span<const std::string_view> assertion_axes() { return axis_names; }

bool& axis_of(Assertion& assertion, i64 axis) {
  const std::array<bool*, axis_count> members = {&assertion.negated, &assertion.possible,
                                                 &assertion.historical, &assertion.hypothetical,
                                                 &assertion.family};
  return *members[static_cast<std::size_t>(axis)];
}

bool axis_of(const Assertion& assertion, i64 axis) {
  Assertion copy = assertion;
  return axis_of(copy, axis);
}

std::string_view summary_of(const Assertion& assertion) {
  if (assertion.family) return "family";
  if (assertion.hypothetical) return "hypothetical";
  if (assertion.negated) return "negated";
  if (assertion.possible) return "possible";
  return assertion.historical ? "historical" : "present";
}

std::string_view i2b2_class_of(const Assertion& assertion) {
  if (assertion.family) return "associated_with_someone_else";
  if (assertion.hypothetical) return "hypothetical";
  if (assertion.negated) return "absent";
  return assertion.possible ? "possible" : "present";
}

AssertionRules::AssertionRules() { read_rules(); }

void AssertionRules::read_rules() {
  std::map<std::string, i64> known;  // phrases by their normal form
  Rule rule;
  for (std::string_view line : data_lines(data::assertion_rules())) {
    if (line.starts_with('[')) {
      rule = {};
      for (const std::string_view word : split_trimmed(line.substr(1, line.size() - 2), ' ')) {
        rule.axes |= axis_bit(word);
        if (word == "backward") rule.direction = Direction::backward;
        if (word == "terminate") rule.direction = Direction::terminate;
        if (word == "pseudo") rule.direction = Direction::pseudo;
      }
      MEDLAR_CHECK(rule.axes != 0);
      continue;
    }
    Rule own = rule;
    own.reach = rule.direction == Direction::backward ? backward_reach : whole_sentence;
    const std::size_t slash = line.find(" / ");
    if (slash != std::string_view::npos) {
      const std::string_view reach = line.substr(slash + 3);
      std::from_chars(reach.data(), reach.data() + reach.size(), own.reach);
      line = line.substr(0, slash);
    }
    const auto [entry, is_new] = known.emplace(normal_text(line), ssize_of(rules_));
    if (is_new) {
      triggers_.add(line, ssize_of(rules_));
      rules_.emplace_back();
    }
    rules_[static_cast<std::size_t>(entry->second)].push_back(own);
  }
}

/// For each word the axes that triggers on the one side of it set, in one pass.
std::vector<u32> AssertionRules::swept(std::span<const PhraseTable::Match> triggers, i64 words,
                                       Direction direction) const {
  const bool is_forward = direction == Direction::forward;
  std::array<i64, axis_count> reach = {};  // words that an axis still holds for
  std::vector<u32> axes(static_cast<std::size_t>(words), 0);
  i64 next = is_forward ? 0 : ssize_of(triggers) - 1;
  for (i64 step = 0; step < words; ++step) {
    const i64 word = is_forward ? step : words - 1 - step;
    for (i64 axis = 0; axis < axis_count; ++axis) {
      i64& left = reach[static_cast<std::size_t>(axis)];
      if (left-- > 0) axes[static_cast<std::size_t>(word)] |= bit(axis);
    }
    if (next < 0 || next >= ssize_of(triggers)) continue;
    const PhraseTable::Match& trigger = triggers[static_cast<std::size_t>(next)];
    const bool is_passed = is_forward ? word == trigger.end - 1 : word == trigger.begin;
    if (!is_passed) continue;
    next += is_forward ? 1 : -1;
    for (const Rule& rule : rules_[static_cast<std::size_t>(trigger.value)]) {
      if (rule.direction != direction && rule.direction != Direction::terminate) continue;
      for (i64 axis = 0; axis < axis_count; ++axis) {
        if ((rule.axes & bit(axis)) == 0) continue;
        i64& left = reach[static_cast<std::size_t>(axis)];
        left = rule.direction == Direction::terminate ? 0 : std::max(left, rule.reach);
      }
    }
  }
  return axes;
}

std::vector<Assertion> AssertionRules::assess(std::string_view text, std::span<const Word> words,
                                              std::span<const ByteRange> targets,
                                              std::string_view section) const {
  std::vector<PhraseTable::Match> triggers = triggers_.all(text, words);
  std::size_t target = 0;
  std::erase_if(triggers, [&](const PhraseTable::Match& trigger) {
    // Words of a finding say nothing of it: "no" in "no known allergies" as a finding.
    const ByteRange range = range_of(words, trigger);
    while (target < targets.size() && targets[target].end <= range.begin) ++target;
    return target < targets.size() && targets[target].begin <= range.begin &&
           range.end <= targets[target].end;
  });
  const i64 count = ssize_of(words);
  const std::vector<u32> before = swept(triggers, count, Direction::forward);
  const std::vector<u32> behind = swept(triggers, count, Direction::backward);
  std::vector<Assertion> assertions;
  for (const ByteRange& range : targets) {
    const i64 first = word_at(words, range.begin);
    const i64 last = std::max(first, word_at(words, range.end - 1));
    u32 axes = section_axes(section);
    // The far ends: a trigger may overlap a finding ("no acute" and "acute distress").
    if (last < count) axes |= before[static_cast<std::size_t>(last)];
    if (first < count) axes |= behind[static_cast<std::size_t>(first)];
    assertions.push_back(assertion_of(axes));
  }
  return assertions;
}

}  // namespace medlar::clinical
