#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "clinical/analysis.h"
#include "clinical/offset_table.h"

/// A note that was read, in the formats that others read. Every format holds text of the note.
namespace medlar::clinical {

struct OutputOptions {
  OffsetUnit unit = OffsetUnit::scalar;  ///< of JSON and CSV; the others have units of their own
  std::string version = {};              ///< of medlar, for formats that name their maker
  std::string time = {};                 ///< "2026-03-12T10:00:00Z", for formats that want one
};

/// {"id", "digest", "offsets", "producers", "text", "sections", "spans"}; a span has start, end,
/// text, label, score, producer, evidence and attributes.
Json analysis_json(const Document& note, const Analysis& analysis, const OutputOptions& options);
/// The spans alone, e.g. the raw ones.
Json spans_json(const Document& note, const std::vector<Span>& spans, OffsetUnit unit);

/// A header, then a line for each span (RFC 4180).
std::string analysis_csv(const Document& note, const Analysis& analysis,
                         const OutputOptions& options);

/// BRAT standoff: T lines in Unicode scalars, A lines for the axes, N lines for codes.
std::string analysis_brat(const Document& note, const Analysis& analysis);

/// PubTator: the first line of the note as title, the rest as abstract; offsets in scalars.
std::string analysis_pubtator(const Document& note, const Analysis& analysis);

/// A word and its BIO tag a line, a blank line between sentences.
std::string analysis_conll(const Document& note, const Analysis& analysis);

/// Whether escape sequences colour the text.
enum class Colours { yes, no };

/// The note with its findings marked, and a list of them.
std::string analysis_terminal(const Document& note, const Analysis& analysis, Colours colours);

/// One page without anything from outside: the note with highlights, a legend, a table with codes.
/// Light or dark as the reader's system is; marks differ by shape as well as colour.
std::string analysis_html(const Document& note, const Analysis& analysis,
                          const OutputOptions& options);

/// FHIR R4 Bundle (collection): Condition, FamilyMemberHistory, MedicationStatement,
/// AllergyIntolerance, Observation, and the Provenance and Device behind them, all labelled AIAST.
/// What may only come (hypothetical) is left out.
Json analysis_fhir(const Document& note, const Analysis& analysis, const OutputOptions& options);

/// Rows of OMOP 5.4's NOTE_NLP with a header. Concept ids are 0: codes stand in term_modifiers.
std::string analysis_omop(const Document& note, const Analysis& analysis,
                          const OutputOptions& options);

/// An attribute's value, "" where there is none.
std::string attribute(const Span& span, const std::string& name);

/// A field of CSV, in quotes where it needs them.
std::string csv_field(std::string_view text);

}  // namespace medlar::clinical
