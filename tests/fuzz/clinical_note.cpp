// An arbitrary text as a note: it is read to spans that stand in order on whole characters, and
// written in every format.
#include <algorithm>
#include <string>

#include "base/error.h"
#include "clinical/outputs/outputs.h"

namespace {

using namespace medlar;  // NOLINT: the target is one function

bool splits_a_character(std::string_view text, i64 at) {
  return at < ssize_of(text) &&
         (static_cast<u8>(text[static_cast<std::size_t>(at)]) & 0xC0U) == 0x80U;
}

void check(const clinical::Document& note, const clinical::Analysis& analysis) {
  i64 end = 0;
  for (const clinical::Span& span : analysis.spans) {
    if (span.range.begin < end || span.range.end <= span.range.begin ||
        span.range.end > ssize_of(note.text()) ||
        splits_a_character(note.text(), span.range.begin) ||
        splits_a_character(note.text(), span.range.end))
      throw Error(ErrorCode::internal, "a span out of order or off its characters");
    end = span.range.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
  static const clinical::Analyzer analyzer;
  try {
    const clinical::Document note(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
    const clinical::Analysis analysis = analyzer.analyze(note);
    check(note, analysis);
    const clinical::OutputOptions options = {.version = "0", .time = "2026-01-01T00:00:00Z"};
    clinical::analysis_json(note, analysis, options);
    clinical::analysis_csv(note, analysis, options);
    clinical::analysis_omop(note, analysis, options);
    clinical::analysis_html(note, analysis, options);
    clinical::analysis_fhir(note, analysis, options);
    clinical::analysis_brat(note, analysis);
    clinical::analysis_pubtator(note, analysis);
    clinical::analysis_conll(note, analysis);
    clinical::analysis_terminal(note, analysis, clinical::Colours::yes);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
  }
  return 0;
}
