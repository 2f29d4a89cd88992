// include/medlar/deid.h as a program uses it.
#include <gtest/gtest.h>

#include <functional>

#include "base/json.h"
#include "medlar/deid.h"

namespace medlar {
namespace {

const std::string note = "Patient: Anna Kowalska, née 03/04/2021 😀, MRN: 00123456.";

std::string part(const std::string& text, i64 begin, i64 end) {
  return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const EngineError& error) {
    EXPECT_EQ(std::string(error.what()).find("Kowalska"), std::string::npos);
    return error.code();
  }
  return "";
}

TEST(PublicDeidentifier, OffsetsAreOfBothTexts) {
  const DeidentifiedText done = Deidentifier().deidentify(note);
  EXPECT_EQ(done.text, "Patient: [PATIENT], née [DATE] 😀, MRN: [MEDICALRECORD].");
  ASSERT_EQ(done.redactions.size(), 3u);
  EXPECT_EQ(done.redactions[0].label, "PATIENT");
  EXPECT_EQ(part(note, done.redactions[0].begin, done.redactions[0].end), "Anna Kowalska");
  EXPECT_EQ(part(note, done.redactions[2].begin, done.redactions[2].end), "00123456");
  EXPECT_EQ(part(done.text, done.redactions[2].written_begin, done.redactions[2].written_end),
            "[MEDICALRECORD]");
}

TEST(PublicDeidentifier, TheReportHasEighteenRowsAndNoWordOfTheText) {
  const DeidentifiedText done = Deidentifier().deidentify(note);
  const Json report = parse_json(done.report, "the report");
  EXPECT_EQ(report["policy"]["name"], "hipaa_safe_harbor");
  EXPECT_EQ(report["hipaa"].size(), 18u);
  EXPECT_EQ(done.report.find("Kowalska"), std::string::npos);
}

TEST(PublicDeidentifier, APatientHasValuesOfItsOwn) {
  const Deidentifier replaces({.method = "replace", .key = "k"});
  const std::string of_a = replaces.deidentify(note, "a").text;
  EXPECT_EQ(of_a, replaces.deidentify(note, "a").text);
  EXPECT_NE(of_a, replaces.deidentify(note, "b").text);
  EXPECT_NE(of_a, Deidentifier({.method = "replace", .key = "l"}).deidentify(note, "a").text);
}

TEST(PublicDeidentifier, HashesWithoutAKeyAreOfOneDeidentifier) {
  const Deidentifier first({.method = "hash"});
  EXPECT_EQ(first.deidentify(note).text, first.deidentify(note).text);
  EXPECT_NE(first.deidentify(note).text, Deidentifier({.method = "hash"}).deidentify(note).text);
}

TEST(PublicDeidentifier, ASiteKnowsItsNumbers) {
  const Deidentifier site(
      {.site = R"({"patterns": [{"label": "IDNUM", "pattern": "Q[0-9]{3}", "name": "bed"}]})"});
  EXPECT_EQ(site.deidentify("in Q123").text, "in [IDNUM]");
}

// medlar-ner finds diseases, which identify nobody.
TEST(PublicDeidentifier, HidesOnlyWhatIdentifiesOfAModelsSpans) {
  const Deidentifier with_model = Deidentifier::open(
      std::string(MEDLAR_SOURCE_DIR) + "/models/medlar-ner/medlar-ner.gguf", {}, {.threads = 1});
  const DeidentifiedText done = with_model.deidentify("Dr. Brandt treats asthma.");
  EXPECT_EQ(done.text, "Dr. [DOCTOR] treats asthma.");
  EXPECT_EQ(parse_json(done.report, "the report")["model_layer"],
            "medlar-ner, beside rules, dictionaries and check digits");
}

TEST(PublicDeidentifier, ErrorsHaveCodes) {
  EXPECT_EQ(code_of([] { Deidentifier({.policy = "none"}); }), "usage");
  EXPECT_EQ(code_of([] { Deidentifier({.method = "burn"}); }), "usage");
  EXPECT_EQ(code_of([] { Deidentifier({.site = "{"}); }), "corrupt_file");
  EXPECT_EQ(code_of([] { Deidentifier().deidentify("Kowalska \xff"); }), "invalid_argument");
  EXPECT_EQ(code_of([] { Deidentifier::open("/no/such/model"); }), "not_found");
}

}  // namespace
}  // namespace medlar
