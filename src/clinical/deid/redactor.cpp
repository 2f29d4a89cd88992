#include "clinical/deid/redactor.h"

#include <algorithm>

#include "clinical/deid/names.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

constexpr std::size_t most_name_bytes = 16384;

bool is_small(char c) { return c >= 'a' && c <= 'z'; }

/// A space behind `at` that no name or number goes over: between two words in small letters, or
/// behind the full stop after a long one.
bool is_safe_break(std::string_view text, std::size_t at) {
  if (text[at] != ' ' || at + 1 >= text.size() || at < 5) return false;
  const bool sentence =
      text[at - 1] == '.' && std::all_of(text.begin() + static_cast<i64>(at) - 5,
                                         text.begin() + static_cast<i64>(at) - 1, is_small);
  return sentence || (is_small(text[at - 1]) && is_small(text[at - 2]) && is_small(text[at + 1]));
}

/// Behind the last safe break of `text`, else behind its last space, else all of it but a character
/// that is not complete.
std::size_t last_break(std::string_view text) {
  for (std::size_t at = text.size(); at > text.size() / 2; --at) {
    if (is_safe_break(text, at - 1)) return at;
  }
  const std::size_t space = text.find_last_of(" \t");
  if (space != std::string_view::npos) return space + 1;
  return static_cast<std::size_t>(text::character_begin_before(text, ssize_of(text)));
}

}  // namespace

std::size_t Redactor::segment_end() const {
  const std::size_t blank = held_.find("\n\n");
  if (blank != std::string::npos && blank + 2 <= longest_segment) return blank + 2;
  return held_.size() >= longest_segment
             ? last_break(std::string_view(held_).substr(0, longest_segment))
             : 0;
}

std::string Redactor::redacted(std::string segment) {
  const Document document(std::move(segment));
  // names of earlier segments stand before the text, as fields of a record would
  const std::string text = names_ + std::string(document.text());
  std::vector<Span> known = find_known_names(text, labelled_);
  std::erase_if(known, [&](const Span& span) { return span.range.begin < ssize_of(names_); });
  for (Span& span : known) {
    span.range.begin -= ssize_of(names_);
    span.range.end -= ssize_of(names_);
  }
  const DeidResult result = deidentifier_.run(document, std::move(known));
  for (const Redaction& redaction : result.redactions) {
    constexpr float certain = 0.8F;
    const Span& span = redaction.span;
    if ((span.label != "PATIENT" && span.label != "DOCTOR") || span.score < certain) continue;
    if (names_.size() + static_cast<std::size_t>(span.range.size()) > most_name_bytes) break;
    const i64 begin = ssize_of(names_);
    names_ += document.text(span.range);
    Span name = span;
    name.range = {begin, ssize_of(names_)};
    labelled_.push_back(std::move(name));
    names_ += '\n';
  }
  return result.text.text();
}

std::string Redactor::push(std::string_view chunk) {
  held_ += chunk;
  std::string shown;
  for (std::size_t end = segment_end(); end > 0; end = segment_end()) {
    std::string segment = held_.substr(0, end);
    held_.erase(0, end);
    shown += redacted(std::move(segment));
  }
  return shown;
}

std::string Redactor::finish() {
  std::string rest = std::move(held_);
  held_.clear();
  return rest.empty() ? rest : redacted(std::move(rest));
}

}  // namespace medlar::clinical
