#include <fmt/format.h>

#include "clinical/outputs/outputs.h"

namespace medlar::clinical {
namespace {

/// Colours of ANSI terminals that can be told apart on black and on white.
const char* colour_of(std::string_view label) {
  if (label == "disease" || label == "cancer") return "1;31";
  if (label == "symptom") return "33";
  if (label == "medication" || label == "chemical") return "1;34";
  if (label == "lab" || label == "vital") return "32";
  if (label == "date" || label == "age") return "36";
  return "35";
}

/// The mark of an assertion behind a finding, so that colour is not the only sign.
const char* mark_of(std::string_view assertion) {
  if (assertion == "negated") return "-";
  if (assertion == "possible") return "?";
  if (assertion == "historical") return "<";
  if (assertion == "hypothetical") return "~";
  return assertion == "family" ? "&" : "";
}

/// Control characters of a note could steer the terminal; they are shown as blanks.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if ((static_cast<u8>(c) < 0x20U && c != '\n' && c != '\t') || c == 0x7F) c = ' ';
  }
  return out;
}

std::string shown(const Span& span, std::string_view text, Colours colours) {
  const std::string label = span.label + mark_of(attribute(span, "assertion"));
  const std::string words = printable(text);
  if (colours == Colours::no) return fmt::format("[{}]({})", words, label);
  return fmt::format("\x1b[{}m{}\x1b[0m\x1b[2m({})\x1b[0m", colour_of(span.label), words, label);
}

std::string row(const Span& span, std::string_view text) {
  std::string line =
      fmt::format("{:<11} {:<13} {}", span.label, attribute(span, "assertion"), printable(text));
  for (char& c : line) c = c == '\n' ? ' ' : c;
  std::string details;
  for (const auto& [name, value] : span.attributes) {
    if (value == "yes" || name == "assertion" || name == "section" || name == "references")
      continue;
    details += fmt::format("  {}: {}", name, value);
  }
  return line + details + "\n";
}

}  // namespace

std::string analysis_terminal(const Document& note, const Analysis& analysis, Colours colours) {
  std::string out;
  i64 at = 0;
  for (const Span& span : resolved(analysis.spans, Overlaps::longest)) {
    out += printable(note.text({.begin = at, .end = span.range.begin}));
    out += shown(span, note.text(span.range), colours);
    at = span.range.end;
  }
  out += printable(note.text({.begin = at, .end = ssize_of(note.text())}));
  if (!out.empty() && out.back() != '\n') out += '\n';
  out += "\n";
  for (const Span& span : analysis.spans) out += row(span, note.text(span.range));
  return out +
         fmt::format("{} spans. - negated, ? possible, < historical, ~ hypothetical, & family\n",
                     analysis.spans.size());
}

}  // namespace medlar::clinical
