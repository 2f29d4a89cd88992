#include "clinical/deid/site.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "clinical/deid/kinds.h"
#include "clinical/deid/lexicon.h"

namespace medlar::clinical {
namespace {

constexpr std::size_t most_patterns = 200;
constexpr std::size_t most_entries = 20000;

std::string checked_label(const std::string& label, const std::string& source) {
  if (phi_kind(label) == nullptr)
    fail(ErrorCode::usage, "{}: no label '{}'; labels are those of i2b2-2014, e.g. MEDICALRECORD",
         source, label.substr(0, 40));
  return label;
}

}  // namespace

Site Site::from_json(const std::string& text, const std::string& source) {
  static const std::set<std::string> known = {"patterns", "staff", "hospitals", "deny", "allow"};
  Site site;
  const Json json = parse_json(text, source);
  if (!json.is_object()) fail(ErrorCode::corrupt_file, "{}: a site file is a JSON object", source);
  try {
    for (const auto& [key, value] : json.items()) {
      if (!known.contains(key))
        fail(ErrorCode::corrupt_file,
             "{}: a site file has patterns, staff, hospitals, deny and allow, nothing else",
             source);
      if (value.size() > (key == "patterns" ? most_patterns : most_entries))
        fail(ErrorCode::limit_exceeded, "{}: too many entries under {}", source, key);
    }
    for (const Json& pattern : json.value("patterns", Json::array())) {
      site.patterns_.push_back(
          {checked_label(pattern.at("label").get<std::string>(), source),
           pattern.value("name", "pattern"),
           std::make_shared<text::Regex>(pattern.at("pattern").get<std::string>())});
    }
    using Names = std::vector<std::string>;
    site.add_list(json.value("staff", Names()), "DOCTOR", "staff");
    site.add_list(json.value("hospitals", Names()), "HOSPITAL", "hospital");
    site.add_list(json.value("deny", Names()), "IDNUM", "deny");
    for (const std::string& entry : json.value("allow", Names()))
      site.allowed_.push_back(folded(entry));
  } catch (const Json::exception& error) {
    fail(ErrorCode::corrupt_file, "{}: an entry is missing or of another type (rule {})", source,
         error.id);
  }
  std::sort(site.allowed_.begin(), site.allowed_.end());
  return site;
}

void Site::add_list(const std::vector<std::string>& entries, const std::string& label,
                    const std::string& name) {
  // alternatives of at most 8 KiB, so that no list is too long for one pattern
  constexpr std::size_t longest = 8192;
  std::string alternatives;
  const auto flush = [&] {
    if (alternatives.empty()) return;
    const std::string pattern = "(?i)(?<![\\p{L}0-9])(?:" + alternatives + ")(?![\\p{L}0-9])";
    patterns_.push_back({label, name, std::make_shared<text::Regex>(pattern)});
    alternatives.clear();
  };
  for (const std::string& entry : entries) {
    if (entry.empty()) continue;
    if (alternatives.size() + entry.size() > longest) flush();
    alternatives += (alternatives.empty() ? "" : "|") + text::Regex::quoted(entry);
  }
  flush();
}

std::vector<Span> Site::find(std::string_view text) const {
  std::vector<Span> spans;
  for (const Pattern& pattern : patterns_) {
    for (const text::ByteRange& range :
         pattern.regex->find_all(text, {.begin = 0, .end = ssize_of(text)})) {
      spans.push_back({.range = range,
                       .label = pattern.label,
                       .score = 1.0F,
                       .producer = "site:" + pattern.name,
                       .evidence = "the site's own list"});
    }
  }
  return spans;
}

void Site::keep_allowed(std::vector<Span>& spans, std::string_view text) const {
  if (allowed_.empty()) return;
  std::erase_if(spans, [&](const Span& span) {
    const std::string value = folded(text.substr(static_cast<std::size_t>(span.range.begin),
                                                 static_cast<std::size_t>(span.range.size())));
    return std::binary_search(allowed_.begin(), allowed_.end(), value);
  });
}

}  // namespace medlar::clinical
