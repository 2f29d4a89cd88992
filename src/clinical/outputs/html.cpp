#include <fmt/format.h>

#include <set>

#include "clinical/outputs/outputs.h"

namespace medlar::clinical {
namespace {

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --card: #f6f8fa;
  --disease: #c62828; --symptom: #a15c00; --medication: #1558c0; --value: #1b7f3b; --time: #00707c; --other: #7b3fa0; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1419; --ink: #e6e9ec; --soft: #9aa4af; --line: #30363d; --card: #171d24;
    --disease: #ff8a80; --symptom: #ffb74d; --medication: #82b1ff; --value: #81c995; --time: #6fd3dd; --other: #cf9fee; } }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
.about { color: var(--soft); font-size: .875rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
.note { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 1rem 1.25rem; }
mark { background: color-mix(in srgb, var(--c) 16%, transparent); color: inherit; border-bottom: 2px solid var(--c);
  border-radius: 3px; padding: 0 .15em; }
mark.negated { border-bottom-style: dashed; text-decoration: line-through; text-decoration-thickness: 1px; }
mark.possible { border-bottom-style: dotted; } mark.historical { border-bottom-style: double; border-bottom-width: 4px; }
mark.hypothetical { border-bottom-style: dotted; font-style: italic; } mark.family { border: 1px solid var(--c); }
mark sup { font-size: .65em; color: var(--soft); padding-left: .2em; }
.heading { font-weight: 700; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1rem; font-size: .875rem; margin: 0 0 1rem; padding: 0; list-style: none; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; } td.code { font-family: ui-monospace, monospace; font-size: .8rem; }
tr.quiet td { color: var(--soft); }
mark, .dot { --c: var(--other); } .disease, .cancer, .problem { --c: var(--disease); } .symptom { --c: var(--symptom); }
.medication, .chemical { --c: var(--medication); } .lab, .vital { --c: var(--value); } .date, .age { --c: var(--time); }
.dot { display: inline-block; width: .75em; height: .75em; border-radius: 50%; background: var(--c); margin-right: .4em; }
footer { margin-top: 2rem; color: var(--soft); font-size: .8rem; }
@media print { .note { border: 0; padding: 0; } }
)css";

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// A label as the name of a class: a model's labels are not ours.
std::string class_of(std::string_view label) {
  std::string name;
  for (const char c : label) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += is_plain ? c : '-';
  }
  return name;
}

/// The sign behind a finding, for readers who see no colours.
std::string_view sign_of(std::string_view assertion) {
  if (assertion == "negated") return "no";
  if (assertion == "possible") return "?";
  if (assertion == "historical") return "past";
  if (assertion == "hypothetical") return "if";
  return assertion == "family" ? "family" : "";
}

std::string marked(const Document& note, const Span& span) {
  const std::string assertion = attribute(span, "assertion");
  const std::string sign(sign_of(assertion));
  const std::string title =
      fmt::format("{}{}{} {} {}", span.label, assertion.empty() ? "" : ", ", assertion,
                  attribute(span, "name"), attribute(span, "code"));
  return fmt::format(R"(<mark class="{} {}" title="{}">{}{}</mark>)", class_of(span.label),
                     assertion, escaped(title), escaped(note.text(span.range)),
                     sign.empty() ? "" : "<sup>" + sign + "</sup>");
}

/// The note with headings in bold and spans marked.
std::string marked_note(const Document& note, const Analysis& analysis) {
  std::string out;
  i64 at = 0;
  std::size_t heading = 0;
  const auto plain_to = [&](i64 end) {
    while (heading < analysis.sections.size()) {
      const ByteRange& range = analysis.sections[heading].heading;
      if (range.size() > 0 && range.end > end) break;
      ++heading;
      if (range.size() == 0 || range.begin < at) continue;
      out += escaped(note.text({.begin = at, .end = range.begin}));
      out += fmt::format(R"(<span class="heading">{}</span>)", escaped(note.text(range)));
      at = range.end;
    }
    out += escaped(note.text({.begin = at, .end = end}));
    at = end;
  };
  for (const Span& span : resolved(analysis.spans, Overlaps::longest)) {
    plain_to(span.range.begin);
    out += marked(note, span);
    at = span.range.end;
  }
  plain_to(ssize_of(note.text()));
  return out;
}

std::string legend(const Analysis& analysis) {
  std::set<std::string> labels;
  for (const Span& span : analysis.spans) labels.insert(span.label);
  std::string out = "<ul class=\"legend\">";
  for (const std::string& label : labels) {
    out +=
        fmt::format(R"(<li><span class="dot {}"></span>{}</li>)", class_of(label), escaped(label));
  }
  for (const char* assertion : {"negated", "possible", "historical", "hypothetical", "family"}) {
    out += fmt::format(R"(<li><mark class="{0}">{0}<sup>{1}</sup></mark></li>)", assertion,
                       sign_of(assertion));
  }
  return out + "</ul>\n";
}

/// What is known of a span besides its columns: dose and value first.
std::string details_of(const Span& span) {
  std::string out;
  for (const char* name :
       {"dose", "quantity", "route", "frequency", "duration", "as_needed", "comparator", "value",
        "unit", "range_low", "range_high", "flag", "date", "relative"}) {
    const std::string value = attribute(span, name);
    if (!value.empty()) out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", name, value);
  }
  return out;
}

std::string row(const Document& note, const Span& span, const OffsetTable& offset) {
  const std::string assertion = attribute(span, "assertion");
  const bool quiet = !assertion.empty() && assertion != "present" && assertion != "possible";
  const std::string code = attribute(span, "code");
  const std::string references = attribute(span, "references");
  return fmt::format(
      "<tr{}><td>{}</td><td><span class=\"dot {}\"></span>{}</td><td>{}</td><td>{}</td>"
      "<td class=\"code\">{}{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
      quiet ? " class=\"quiet\"" : "", escaped(note.text(span.range)), class_of(span.label),
      escaped(span.label), assertion, escaped(attribute(span, "name")), escaped(code),
      references.empty() ? "" : "<br>", escaped(references), escaped(details_of(span)),
      attribute(span, "section"), escaped(span.producer), offset(span.range.begin));
}

}  // namespace

std::string analysis_html(const Document& note, const Analysis& analysis,
                          const OutputOptions& options) {
  const OffsetTable offset(note.text(), options.unit);
  const std::string title = note.id().empty() ? "Clinical note" : note.id();
  std::string producers;
  for (const std::string& producer : analysis.producers)
    producers += (producers.empty() ? "" : " \u00B7 ") + producer;
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
      "<p class=\"about\">Read by medlar {2}, {3}. Producers: {4}. SHA-256 of the note: {5}</p>\n",
      escaped(title), style, escaped(options.version), escaped(options.time), escaped(producers),
      note.digest());
  out += legend(analysis);
  out += "<div class=\"note\">" + marked_note(note, analysis) + "</div>\n";
  out += fmt::format("<h2>{} findings and values</h2>\n<div class=\"scroll\"><table>\n",
                     analysis.spans.size());
  out += fmt::format(
      "<thead><tr><th>Text</th><th>Kind</th><th>Assertion</th><th>Meaning</th><th>Codes</th>"
      "<th>Details</th><th>Section</th><th>Found by</th><th>At ({})</th></tr></thead>\n<tbody>\n",
      name_of(options.unit));
  for (const Span& span : analysis.spans) out += row(note, span, offset);
  return out +
         "</tbody>\n</table></div>\n<footer>Found by a program, asserted by nobody: check each "
         "line "
         "against the note before it is used.</footer>\n</body>\n</html>\n";
}

}  // namespace medlar::clinical
