// Every format of a note that was read.
#include "clinical/outputs/outputs.h"

#include <gtest/gtest.h>

namespace medlar::clinical {
namespace {

struct Read {
  Document note;
  Analysis analysis;
};

const OutputOptions options = {.version = "0.1.0", .time = "2026-03-12T10:00:00Z"};

Read read(const std::string& text) {
  static const Analyzer analyzer;
  Document note(text, "n1");
  Analysis analysis = analyzer.analyze(note);
  return {.note = std::move(note), .analysis = std::move(analysis)};
}

const std::string text =
    "HPI: \u00B5 <b>no fever</b>, possible pneumonia & HTN, \"x\" BP 120/80.\n"
    "FHx: mother had stroke\nMeds: lisinopril 10 mg daily\nAllergies: penicillin\n"
    "Return if chest pain";

bool contains(const std::string& whole, const std::string& part) {
  return whole.find(part) != std::string::npos;
}

TEST(Outputs, JsonSaysItsUnit) {
  const Read one = read(text);
  for (const OffsetUnit unit : {OffsetUnit::scalar, OffsetUnit::byte, OffsetUnit::utf16}) {
    const Json json = analysis_json(one.note, one.analysis, {.unit = unit});
    EXPECT_EQ(json["offsets"], name_of(unit));
    const Json& fever = json["spans"][0];
    EXPECT_EQ(fever["text"], "fever");
    EXPECT_EQ(fever["attributes"]["assertion"], "negated");
    EXPECT_EQ(fever["start"].get<i64>(), unit == OffsetUnit::byte ? 14 : 13);
  }
}

TEST(Outputs, CsvQuotesAndKeepsItsColumns) {
  const Read one = read(text);
  const std::string csv = analysis_csv(one.note, one.analysis, options);
  EXPECT_TRUE(contains(csv,
                       "n1,13,18,unicode scalars,fever,symptom,1.0000,dictionary,"
                       "history_of_present_illness,negated,fever,,,negated=yes\n"));
  EXPECT_EQ(csv_field("a \"b\", c"), "\"a \"\"b\"\", c\"");
}

TEST(Outputs, BratCutsAtLineEnds) {
  const Document note("chest\npain", "n");
  Analysis analysis;
  analysis.spans = {{.range = {.begin = 0, .end = 10},
                     .label = "symptom",
                     .producer = "p",
                     .evidence = "",
                     .attributes = {{"negated", "yes"}, {"code", "X:1"}, {"name", "pain"}}}};
  EXPECT_EQ(analysis_brat(note, analysis),
            "T1\tsymptom 0 5;6 10\tchest pain\nA1\tnegated T1\nN1\tReference T1 X:1\tpain\n");
}

TEST(Outputs, PubtatorKeepsOffsets) {
  const Read one = read("Cough\nand fever.");
  EXPECT_EQ(
      analysis_pubtator(one.note, one.analysis),
      "n1|t|Cough\nn1|a|and fever.\nn1\t0\t5\tCough\tsymptom\t\nn1\t10\t15\tfever\tsymptom\t\n\n");
}

TEST(Outputs, ConllTagsWords) {
  const Read one = read("No chest pain.");
  EXPECT_EQ(analysis_conll(one.note, one.analysis),
            "No\tO\nchest\tB-symptom\npain\tI-symptom\n.\tO\n\n");
}

TEST(Outputs, TerminalShowsNoControlCharacters) {
  const Read one = read("fever \x1b[2J");
  const std::string plain = analysis_terminal(one.note, one.analysis, Colours::no);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  EXPECT_TRUE(plain.starts_with("[fever](symptom)"));
}

TEST(Outputs, HtmlEscapesTheNoteAndAsksForNothing) {
  const Read one = read(text);
  const std::string html = analysis_html(one.note, one.analysis, options);
  EXPECT_FALSE(contains(html, "<b>"));
  EXPECT_TRUE(contains(html, "&lt;b&gt;"));
  for (const char* outside : {"http:", "https:", "src=", "url(", "<script"})
    EXPECT_FALSE(contains(html, outside)) << outside;
  EXPECT_TRUE(contains(html, "<mark class=\"symptom negated\""));
  EXPECT_TRUE(contains(html, "DOID:10763"));
}

/// Resources of one type.
std::vector<Json> resources(const Json& bundle, const std::string& type) {
  std::vector<Json> found;
  for (const Json& entry : bundle["entry"]) {
    if (entry["resource"]["resourceType"] == type) found.push_back(entry["resource"]);
  }
  return found;
}

TEST(Outputs, FhirSaysWhatTheNoteSays) {
  const Read one = read(text);
  const Json bundle = analysis_fhir(one.note, one.analysis, options);
  EXPECT_EQ(bundle["resourceType"], "Bundle");
  const std::vector<Json> conditions = resources(bundle, "Condition");
  ASSERT_EQ(conditions.size(), 3U);  // the stroke is the mother's, the chest pain may come
  const auto status = [](const Json& condition) {
    return condition["verificationStatus"]["coding"][0]["code"].get<std::string>();
  };
  EXPECT_EQ(status(conditions[0]), "refuted");
  EXPECT_FALSE(conditions[0].contains("clinicalStatus"));
  EXPECT_EQ(status(conditions[1]), "provisional");
  EXPECT_EQ(resources(bundle, "FamilyMemberHistory").size(), 1U);
  EXPECT_EQ(resources(bundle, "AllergyIntolerance").size(), 1U);
  const std::vector<Json> medicines = resources(bundle, "MedicationStatement");
  ASSERT_EQ(medicines.size(), 1U);
  EXPECT_EQ(medicines[0]["dosage"][0]["doseAndRate"][0]["doseQuantity"]["value"], 10.0);
  const std::vector<Json> values = resources(bundle, "Observation");
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values[0]["component"][1]["valueQuantity"]["value"], 80.0);
  const std::vector<Json> provenance = resources(bundle, "Provenance");
  ASSERT_EQ(provenance.size(), 1U);
  EXPECT_EQ(provenance[0]["target"].size(), 7U);
  EXPECT_EQ(provenance[0]["agent"][0]["who"]["reference"],
            "urn:uuid:" + resources(bundle, "Device")[0]["id"].get<std::string>());
  for (const Json& entry : bundle["entry"]) {
    const Json& resource = entry["resource"];
    EXPECT_EQ(entry["fullUrl"], "urn:uuid:" + resource["id"].get<std::string>());
    if (resource["resourceType"] == "Device") continue;
    EXPECT_EQ(resource["meta"]["security"][0]["code"], "AIAST");
  }
  EXPECT_EQ(bundle, analysis_fhir(one.note, one.analysis, options));
}

TEST(Outputs, OmopRows) {
  const Read one = read("No fever.");
  EXPECT_TRUE(
      contains(analysis_omop(one.note, one.analysis, options),
               "1,n1,0,No fever.,3,fever,0,0,medlar 0.1.0,2026-03-12,2026-03-12T10:00:00Z,N,"
               "Present,\"label=symptom,assertion=negated\"\n"));
}

}  // namespace
}  // namespace medlar::clinical
