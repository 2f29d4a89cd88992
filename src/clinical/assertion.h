#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clinical/phrases.h"

namespace medlar::clinical {

/// What a sentence says of a finding, on independent axes; nothing set: it is there, now, in the
/// patient.
struct Assertion {
  bool negated = false;
  bool possible = false;
  bool historical = false;
  bool hypothetical = false;  ///< may come: "return if", "as needed for", "risk of"
  bool family = false;        ///< somebody else's

  bool operator==(const Assertion&) const = default;
};

/// The axes' names in the order of Assertion's members.
std::span<const std::string_view> assertion_axes();
/// An axis by its place in assertion_axes().
bool& axis_of(Assertion& assertion, i64 axis);
bool axis_of(const Assertion& assertion, i64 axis);

/// One word for all axes, the one that changes most first: family, hypothetical, negated, possible,
/// historical, present.
std::string_view summary_of(const Assertion& assertion);

/// The class of the i2b2-2010 challenge: associated_with_someone_else, hypothetical, absent,
/// possible, present.
std::string_view i2b2_class_of(const Assertion& assertion);

/// ConText: words before and behind a finding say whether it is negated, possible, past,
/// hypothetical or somebody else's (data/assertion_rules.txt). Immutable, so safe to share between
/// threads.
class AssertionRules {
 public:
  AssertionRules();

  /// One assertion a target. `words` are those of one sentence, `targets` byte ranges inside it in
  /// the order of their begins, `section` the canonical name of the section or "". Linear in the
  /// words and targets.
  std::vector<Assertion> assess(std::string_view text, std::span<const Word> words,
                                std::span<const ByteRange> targets, std::string_view section) const;

 private:
  enum class Direction : u8 { forward, backward, terminate, pseudo };
  struct Rule {
    u32 axes = 0;  ///< bits
    Direction direction = Direction::forward;
    i64 reach = 0;  ///< words
  };

  void read_rules();
  std::vector<u32> swept(std::span<const PhraseTable::Match> triggers, i64 words,
                         Direction direction) const;

  PhraseTable triggers_;
  std::vector<std::vector<Rule>> rules_;  ///< by the trigger's value
};

}  // namespace medlar::clinical
