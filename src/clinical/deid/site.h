#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clinical/document.h"
#include "clinical/span.h"
#include "text/regex.h"

namespace medlar::clinical {

/// What a site knows of its own records: patterns of its numbers, names of its staff and its
/// places, words that always or never identify. Immutable; safe to share between threads.
class Site {
 public:
  Site() = default;
  /// {"patterns": [{"label": "MEDICALRECORD", "pattern": "H[0-9]{7}", "name": "mrn"}],
  ///  "staff": [..], "hospitals": [..], "deny": [..], "allow": [..]}; every key may be absent.
  /// Throws corrupt_file for another key or type, usage for an unknown label, unsupported and
  /// limit_exceeded for patterns that PCRE2 refuses or that are too long.
  static Site from_json(const std::string& text, const std::string& source);

  /// Spans of the patterns and lists. A pattern that goes beyond its bounds throws limit_exceeded.
  std::vector<Span> find(std::string_view text) const;
  /// Leaves out spans whose whole text is on the allow list.
  void keep_allowed(std::vector<Span>& spans, std::string_view text) const;

 private:
  struct Pattern {
    std::string label;
    std::string name;
    std::shared_ptr<const text::Regex> regex;
  };
  void add_list(const std::vector<std::string>& entries, const std::string& label,
                const std::string& name);

  std::vector<Pattern> patterns_;
  std::vector<std::string> allowed_;  ///< folded, in order
};

}  // namespace medlar::clinical
