// A note from text to spans, and what happens where spans overlap.
#include "clinical/analysis.h"
#include "clinical/model_spans.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "clinical/offset_table.h"
#include "medlar/clinical.h"

namespace medlar::clinical {
namespace {

const Analyzer& analyzer() {
  static const Analyzer one;
  return one;
}

Span model_span(i64 begin, i64 end, float score = 0.9F) {
  return {.range = {.begin = begin, .end = end},
          .label = "problem",
          .score = score,
          .producer = "model",
          .evidence = ""};
}

/// "label:text:assertion" of each span.
std::vector<std::string> told(const Document& note, const std::vector<Span>& spans) {
  std::vector<std::string> out;
  for (const Span& span : spans) {
    const auto assertion = span.attributes.find("assertion");
    out.push_back(span.label + ":" + std::string(note.text(span.range)) +
                  (assertion == span.attributes.end() ? "" : ":" + assertion->second));
  }
  return out;
}

TEST(Analyzer, LeavesOutWhoSomebodyIsOfAModelsSpans) {
  const std::string text = "Dr. Kowalska saw the patient with asthma.";
  const auto span = [&](std::string_view part, const char* label) {
    const auto begin = static_cast<i64>(text.find(part));
    return Span{.range = {.begin = begin, .end = begin + ssize_of(part)},
                .label = label,
                .score = 0.9F,
                .producer = "model: m",
                .evidence = {},
                .attributes = {}};
  };
  const std::vector<Span> kept = plausible(
      Document(text),
      {span("Kowalska", "chemical"), span("patient", "species"), span("asthma", "disease")});
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].label, "disease");
}

TEST(Analysis, NoteWithoutAModel) {
  const Document note(
      "Date of Service: 03/05/2024\n"
      "HPI: 71-year-old man with HTN who fell 2 days ago. Denies chest pain.\n"
      "FHx: mother with colon cancer\n"
      "Medications: potassium chloride 20 mEq daily\n"
      "Labs: K 5.6 (3.5-5.1)\n");
  const Analysis analysis = analyzer().analyze(note);
  EXPECT_EQ(analysis.note_date, "2024-03-05");
  EXPECT_EQ(told(note, analysis.spans),
            (std::vector<std::string>{"date:03/05/2024", "age:71-year-old", "disease:HTN:present",
                                      "date:2 days ago", "symptom:chest pain:negated",
                                      "disease:colon cancer:family",
                                      "medication:potassium chloride:present", "lab:K 5.6"}));
  EXPECT_EQ(analysis.spans[2].attributes.at("code"), "DOID:10763");
  EXPECT_EQ(analysis.spans[2].attributes.at("section"), "history_of_present_illness");
  EXPECT_EQ(analysis.spans[3].attributes.at("date"), "2024-03-03");
  EXPECT_EQ(analysis.spans[7].attributes.at("flag"), "H");
}

TEST(Analysis, DiagnosesAreNeverMergedAcrossPunctuation) {
  const Document note(
      "Xa, yb; zc\n- one d\n- two e\nlong line of prose that was wrapped here in\nthe middle");
  const std::vector<Span> found = {model_span(0, 10), model_span(13, 26)};
  EXPECT_EQ(
      told(note, analyzer().analyze(note, found).spans),
      (std::vector<std::string>{"problem:Xa:present", "problem:yb:present", "problem:zc:present",
                                "problem:one d:present", "problem:two e:present"}));
  EXPECT_EQ(analyzer().analyze(note, found).raw.size(), 2U);
  const i64 wrapped = static_cast<i64>(note.text().find("here in"));
  const Analysis prose = analyzer().analyze(note, {model_span(wrapped, wrapped + 11)});
  EXPECT_EQ(told(note, prose.spans), (std::vector<std::string>{"problem:here in\nthe:present"}));
}

TEST(Analysis, OverlapsByPolicy) {
  const std::vector<Span> spans = {model_span(0, 5, 0.9F), model_span(3, 10, 0.5F),
                                   model_span(10, 12, 0.1F)};
  const auto begins = [](const std::vector<Span>& list) {
    std::vector<i64> out;
    for (const Span& span : list) out.push_back(span.range.begin);
    return out;
  };
  EXPECT_EQ(begins(resolved(spans, Overlaps::longest)), (std::vector<i64>{3, 10}));
  EXPECT_EQ(begins(resolved(spans, Overlaps::score)), (std::vector<i64>{0, 10}));
  EXPECT_EQ(begins(resolved(spans, Overlaps::keep_all)), (std::vector<i64>{0, 3, 10}));
}

TEST(Analysis, OffsetTableCountsAsTheDocument) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "a\u00B5\u2264\U0001F600";
  const Document note(text);
  for (const OffsetUnit unit : {OffsetUnit::byte, OffsetUnit::scalar, OffsetUnit::utf16}) {
    const OffsetTable offset(note.text(), unit);
    for (i64 at = 0; at <= ssize_of(text); at += 10)
      EXPECT_EQ(offset(at), note.offset(at, unit)) << at;
  }
}

TEST(Analysis, HostileMegabytesTakeSeconds) {
  for (const std::string piece :
       {"no fever ", "Na 138 aspirin ", "lisinopril 10 mg of ", "q4 - 6 h ", "mother ", "chest ",
        "3 days ago ", "non-", "(3.5-", "\u00B5", "if "}) {
    std::string text;
    while (text.size() < (1U << 20U)) text += piece;
    const auto begin = std::chrono::steady_clock::now();
    const Analysis analysis = analyzer().analyze(Document(std::move(text)));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    EXPECT_FALSE(analysis.sentences.empty());
    EXPECT_LT(seconds.count(), 20.0) << piece << ": linear work takes about two seconds";
  }
}

TEST(ClinicalReader, GivesSpansInBytes) {
  const ClinicalReader reader;
  const std::string text = "\u00B5: denies fever. Fell yesterday.";
  const std::vector<ClinicalSpan> spans = reader.analyze(text, {.note_date = "2024-03-01"});
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(text.substr(static_cast<std::size_t>(spans[0].begin),
                        static_cast<std::size_t>(spans[0].end - spans[0].begin)),
            "fever");
  EXPECT_EQ(spans[0].attributes.at("assertion"), "negated");
  EXPECT_EQ(spans[1].attributes.at("date"), "2024-02-29");
  try {
    reader.analyze("\xff");
    ADD_FAILURE();
  } catch (const EngineError& error) {
    EXPECT_EQ(error.code(), "invalid_argument");
  }
}

}  // namespace
}  // namespace medlar::clinical
