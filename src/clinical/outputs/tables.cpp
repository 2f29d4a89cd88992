// Formats of one line a span or a word: CSV, OMOP NOTE_NLP, BRAT, PubTator, CoNLL.
#include <fmt/format.h>

#include <algorithm>

#include "clinical/outputs/outputs.h"

namespace medlar::clinical {
namespace {

/// Line ends and tabs as blanks: same length, one line.
std::string on_one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) c = c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  return line;
}

/// Attributes without a column of their own, "name=value;name=value".
std::string details_of(const Span& span) {
  std::string details;
  for (const auto& [name, value] : span.attributes) {
    if (name == "section" || name == "assertion" || name == "name" || name == "code" ||
        name == "references")
      continue;
    details += fmt::format("{}{}={}", details.empty() ? "" : ";", name, value);
  }
  return details;
}

std::string note_id(const Document& note) { return note.id().empty() ? "note" : note.id(); }

/// Text around a span, cut between characters.
std::string snippet_of(std::string_view text, ByteRange range) {
  constexpr i64 around = 40;
  i64 begin = std::max(i64{0}, range.begin - around);
  i64 end = std::min(ssize_of(text), range.end + around);
  const auto inside = [&](i64 i) {
    return i > 0 && i < ssize_of(text) &&
           (static_cast<u8>(text[static_cast<std::size_t>(i)]) & 0xC0U) == 0x80U;
  };
  while (inside(begin)) --begin;
  while (inside(end)) ++end;
  return on_one_line(text_of(text, {.begin = begin, .end = end}));
}

/// Parts of a range between line ends, as BRAT wants them.
std::vector<ByteRange> fragments_of(std::string_view text, ByteRange range) {
  std::vector<ByteRange> fragments;
  i64 begin = range.begin;
  for (i64 i = range.begin; i <= range.end; ++i) {
    if (i < range.end && text[static_cast<std::size_t>(i)] != '\n') continue;
    if (i > begin) fragments.push_back({.begin = begin, .end = i});
    begin = i + 1;
  }
  return fragments;
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string analysis_csv(const Document& note, const Analysis& analysis,
                         const OutputOptions& options) {
  const OffsetTable offset(note.text(), options.unit);
  std::string out = fmt::format(
      "id,start,end,offsets,text,label,score,producer,section,assertion,name,code,references,"
      "details\n");
  for (const Span& span : analysis.spans) {
    out += fmt::format("{},{},{},{},{},{},{:.4f},{},{},{},{},{},{},{}\n", csv_field(note.id()),
                       offset(span.range.begin), offset(span.range.end), name_of(options.unit),
                       csv_field(note.text(span.range)), csv_field(span.label), span.score,
                       csv_field(span.producer), attribute(span, "section"),
                       attribute(span, "assertion"), csv_field(attribute(span, "name")),
                       csv_field(attribute(span, "code")), csv_field(attribute(span, "references")),
                       csv_field(details_of(span)));
  }
  return out;
}

std::string analysis_omop(const Document& note, const Analysis& analysis,
                          const OutputOptions& options) {
  const OffsetTable offset(note.text(), OffsetUnit::scalar);
  std::string out =
      "note_nlp_id,note_id,section_concept_id,snippet,offset,lexical_variant,note_nlp_concept_id,"
      "note_nlp_source_concept_id,nlp_system,nlp_date,nlp_datetime,term_exists,term_temporal,"
      "term_modifiers\n";
  i64 number = 0;
  for (const Span& span : analysis.spans) {
    const std::string assertion = attribute(span, "assertion");
    const bool exists = assertion.empty() || assertion == "present" || assertion == "historical";
    const char* when = assertion == "historical"     ? "Past"
                       : assertion == "hypothetical" ? "Future"
                                                     : "Present";
    std::string modifiers = fmt::format("label={}", span.label);
    for (const char* name : {"assertion", "code", "section"}) {
      if (!attribute(span, name).empty())
        modifiers += fmt::format(",{}={}", name, attribute(span, name));
    }
    out += fmt::format("{},{},0,{},{},{},0,0,{},{},{},{},{},{}\n", ++number,
                       csv_field(note_id(note)), csv_field(snippet_of(note.text(), span.range)),
                       offset(span.range.begin), csv_field(on_one_line(note.text(span.range))),
                       csv_field("medlar " + options.version), options.time.substr(0, 10),
                       options.time, exists ? "Y" : "N", when, csv_field(modifiers));
  }
  return out;
}

std::string analysis_brat(const Document& note, const Analysis& analysis) {
  const OffsetTable offset(note.text(), OffsetUnit::scalar);
  std::string out;
  i64 number = 0;
  i64 mark = 0;
  i64 reference = 0;
  for (const Span& span : analysis.spans) {
    ++number;
    std::string places;
    std::string words;
    for (const ByteRange& part : fragments_of(note.text(), span.range)) {
      places +=
          fmt::format("{}{} {}", places.empty() ? "" : ";", offset(part.begin), offset(part.end));
      words += (words.empty() ? "" : " ") + on_one_line(note.text(part));
    }
    out += fmt::format("T{}\t{} {}\t{}\n", number, span.label, places, words);
    for (const std::string_view axis : assertion_axes()) {
      if (!attribute(span, std::string(axis)).empty())
        out += fmt::format("A{}\t{} T{}\n", ++mark, axis, number);
    }
    if (!attribute(span, "code").empty()) {
      out += fmt::format("N{}\tReference T{} {}\t{}\n", ++reference, number,
                         attribute(span, "code"), attribute(span, "name"));
    }
  }
  return out;
}

std::string analysis_pubtator(const Document& note, const Analysis& analysis) {
  const OffsetTable offset(note.text(), OffsetUnit::scalar);
  const std::string text = on_one_line(note.text());
  const std::size_t line_end = std::min(note.text().find('\n'), text.size());
  const std::string id = on_one_line(note_id(note));
  std::string out = fmt::format("{0}|t|{1}\n{0}|a|{2}\n", id, text.substr(0, line_end),
                                line_end < text.size() ? text.substr(line_end + 1) : "");
  for (const Span& span : analysis.spans) {
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", id, offset(span.range.begin),
                       offset(span.range.end), on_one_line(note.text(span.range)), span.label,
                       attribute(span, "code"));
  }
  return out + "\n";
}

std::string analysis_conll(const Document& note, const Analysis& analysis) {
  const std::vector<Span> spans = resolved(analysis.spans, Overlaps::longest);
  std::string out;
  std::size_t next = 0;
  for (const ByteRange& sentence : analysis.sentences) {
    for (const Word& word : words_of(note.text(), sentence)) {
      while (next < spans.size() && spans[next].range.end <= word.range.begin) ++next;
      std::string tag = "O";
      if (next < spans.size() && spans[next].range.begin < word.range.end) {
        const bool begins = spans[next].range.begin >= word.range.begin;
        tag = (begins ? "B-" : "I-") + spans[next].label;
      }
      out += fmt::format("{}\t{}\n", note.text(word.range), tag);
    }
    out += "\n";
  }
  return out;
}

}  // namespace medlar::clinical
