#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clinical/assertion.h"

namespace medlar::clinical {

/// A sentence whose findings are known: a line of tests/cases/assertion, whose README.md says how
/// they are written.
struct AssertionCase {
  i64 line = 0;
  std::string section;
  std::string text;
  std::vector<ByteRange> targets;
  std::vector<Assertion> expected;  ///< one a target
};

/// Throws corrupt_file with source and line where a line breaks the rules.
std::vector<AssertionCase> read_assertion_cases(std::string_view text, const std::string& source);

/// What the rules say of a case's targets, its text cut into sentences.
std::vector<Assertion> assess_case(const AssertionRules& rules, const AssertionCase& one);

}  // namespace medlar::clinical
