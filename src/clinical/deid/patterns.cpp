#include "clinical/deid/patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "clinical/deid/check_digits.h"
#include "clinical/deid/pattern_tables.h"
#include "text/regex.h"

namespace medlar::clinical {
namespace {

std::string expanded(std::string_view pattern) {
  std::string result(pattern);
  for (const auto& [name, value] : pattern_macros) {
    for (std::size_t at = result.find(name); at != std::string::npos; at = result.find(name, at)) {
      result.replace(at, name.size(), value);
      at += value.size();
    }
  }
  return result;
}

struct Compiled {
  const PatternRule* rule;
  std::unique_ptr<text::Regex> regex;
};

const std::vector<Compiled>& compiled_rules() {
  static const std::vector<Compiled> rules = [] {
    std::vector<Compiled> all;
    for (const PatternRule& rule : pattern_rules)
      all.push_back({&rule, std::make_unique<text::Regex>(expanded(rule.pattern))});
    return all;
  }();
  return rules;
}

/// Fax numbers are telephone numbers; only a word close by tells them apart.
bool has_fax_nearby(std::string_view text, text::ByteRange range) {
  constexpr i64 reach = 12;
  const auto folded_part = [&](i64 begin, i64 end) {
    std::string part(text.substr(static_cast<std::size_t>(begin),
                                 static_cast<std::size_t>(std::max(i64{0}, end - begin))));
    for (char& c : part)
      c = static_cast<char>(c | 0x20);  // small letters; the rest does not matter
    return part;
  };
  const std::string before = folded_part(std::max(i64{0}, range.begin - reach), range.begin);
  const std::string after = folded_part(range.end, std::min(ssize_of(text), range.end + 6));
  return before.find("fax") != std::string::npos || after.find("fax") != std::string::npos;
}

}  // namespace

std::vector<Span> find_patterns(std::string_view text) {
  std::vector<Span> spans;
  const text::ByteRange all = {.begin = 0, .end = ssize_of(text)};
  for (const auto& [rule, regex] : compiled_rules()) {
    for (const text::ByteRange& range : regex->find_all(text, all)) {
      const std::string_view found = text.substr(static_cast<std::size_t>(range.begin),
                                                 static_cast<std::size_t>(range.size()));
      const bool checked = rule->check != nullptr && rule->check(found);
      if (rule->need == Check::required && !checked) continue;
      Span span = {
          .range = range,
          .label = std::string(rule->label),
          .score = checked ? 1.0F : rule->score,
          .producer = fmt::format("rule:{}", rule->name),
          .evidence = std::string(rule->evidence) + (checked ? ", check digit holds" : "")};
      if (span.label == "PHONE" && has_fax_nearby(text, range)) span.label = "FAX";
      spans.push_back(std::move(span));
    }
  }
  return spans;
}

}  // namespace medlar::clinical
