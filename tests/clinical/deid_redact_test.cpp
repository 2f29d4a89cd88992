#include <gtest/gtest.h>

#include "base/error.h"
#include "clinical/deid/dates.h"
#include "clinical/deid/deidentifier.h"
#include "clinical/deid/redactor.h"
#include "clinical/deid/report.h"
#include "clinical/deid/secret.h"
#include "clinical/records/records.h"

namespace medlar::clinical {
namespace {

const std::string note =
    "Patient: Anna Kowalska, MRN: 00123456, seen on 03/04/2021 and 03/18/2021.\n"
    "Dr. Brandt called Anna at 415-555-2671.";

DeidOptions options_with(Method method) {
  DeidOptions options;
  options.method = method;
  options.key = "a key of the test";
  options.patient = "p1";
  return options;
}

std::string text_of(const DeidOptions& options, const std::string& text = note) {
  return Deidentifier(options).run(Document(text)).text.text();
}

TEST(Deidentify, Mask) {
  EXPECT_EQ(text_of(options_with(Method::mask)),
            "Patient: [PATIENT], MRN: [MEDICALRECORD], seen on [DATE] and [DATE].\n"
            "Dr. [DOCTOR] called [PATIENT] at [PHONE].");
}

TEST(Deidentify, RemoveLeavesNothing) {
  EXPECT_EQ(text_of(options_with(Method::remove), "MRN: 00123456."), "MRN: .");
}

TEST(Deidentify, ReplaceIsConsistentForAPatient) {
  const DeidOptions first = options_with(Method::replace);
  const std::string text = text_of(first);
  EXPECT_EQ(text, text_of(first));
  EXPECT_EQ(text.find("Kowalska"), std::string::npos);
  EXPECT_EQ(text.find("00123456"), std::string::npos);
  EXPECT_EQ(text.size() > 40, true);
  // "Anna" is the same invented name at both places
  const std::string name = text.substr(9, text.find(' ', 9) - 9);
  EXPECT_NE(text.find("called " + name), std::string::npos) << text;
  DeidOptions other = first;
  other.patient = "p2";
  EXPECT_NE(text_of(other), text);
}

TEST(Deidentify, HashIsKeyed) {
  DeidOptions options = options_with(Method::hash);
  const std::string text = text_of(options);
  options.key = "another";
  EXPECT_NE(text_of(options), text);
  options.key.clear();
  EXPECT_THROW(Deidentifier{options}, Error);
}

TEST(Deidentify, ShiftKeepsIntervalAndForm) {
  DeidOptions options = options_with(Method::shift_dates);
  options.days = -10;
  EXPECT_EQ(text_of(options, "Seen on 03/04/2021 and 03/18/2021."),
            "Seen on 02/22/2021 and 03/08/2021.");
}

TEST(Dates, EveryForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"03/04/2021", "03/14/2021"},
      {"3/4/21", "3/14/21"},
      {"2021-03-25", "2021-04-04"},
      {"March 3rd, 2021", "March 13th, 2021"},
      {"25 Dec 2020", "4 Jan 2021"},
      {"the 5th of May 2020", "the 15th of May 2020"},
      {"DEC 30, 2020", "JAN 9, 2021"},
      {"March 2021", "March 2021"},
      {"3/25", "4/4"},
      {"20120806", "20120816"},
      {"2021-03-25 14:30:01", "2021-04-04 14:30:01"}};
  for (const auto& [before, after] : cases) EXPECT_EQ(shifted_date(before, 10), after) << before;
  EXPECT_EQ(shifted_date("25/12/2020", 10), "04/01/2021");
  EXPECT_EQ(shifted_date("Christmas", 10), std::nullopt);
  EXPECT_EQ(shifted_date("99/99/2020", 10), std::nullopt);
}

TEST(Mapping, ComesBackAndStaysSealed) {
  DeidOptions options = options_with(Method::mask);
  options.reversible = true;
  const DeidResult result = Deidentifier(options).run(Document(note));
  EXPECT_EQ(result.text.text().find("Anna"), std::string::npos);
  EXPECT_EQ(reidentified(result.text.text(), result.mapping), note);
  const std::string sealed = seal("secret text", "key");
  EXPECT_EQ(unseal(sealed, "key"), "secret text");
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_THROW(unseal(sealed, "another key"), Error);
  std::string changed = sealed;
  changed[changed.size() - 20] ^= 1;
  EXPECT_THROW(unseal(changed, "key"), Error);
  EXPECT_THROW(unseal("short", "key"), Error);
}

TEST(Site, PatternsAndLists) {
  DeidOptions options = options_with(Method::mask);
  options.site = Site::from_json(
      R"({"patterns": [{"label": "MEDICALRECORD", "pattern": "Q[0-9]{3}", "name": "mrn"}],
          "staff": ["Zed"], "hospitals": ["the Hill"], "allow": ["Toledo"]})",
      "site.json");
  EXPECT_EQ(text_of(options, "Q123 by zed at the hill, from Toledo."),
            "[MEDICALRECORD] by [DOCTOR] at [HOSPITAL], from Toledo.");
  EXPECT_THROW(Site::from_json(R"({"pattern": []})", "site.json"), Error);
  EXPECT_THROW(Site::from_json(R"({"patterns": [{"label": "X", "pattern": "a"}]})", "s"), Error);
  EXPECT_THROW(Site::from_json(R"({"patterns": [{"label": "DATE", "pattern": "("}]})", "s"), Error);
}

TEST(Redactor, EveryCutGivesTheSame) {
  const std::string text = note + "\n\nAnna Kowalska was told on 5 May 2021.\n\nKowalska agreed.";
  const Deidentifier deidentifier(options_with(Method::mask));
  Redactor whole(deidentifier);
  std::string expected = whole.push(text);
  expected += whole.finish();
  EXPECT_EQ(expected.find("Kowalska"), std::string::npos);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Redactor redactor(deidentifier);
    std::string shown = redactor.push(std::string_view(text).substr(0, cut));
    EXPECT_EQ(expected.compare(0, shown.size(), shown), 0) << cut;
    shown += redactor.push(std::string_view(text).substr(cut));
    shown += redactor.finish();
    EXPECT_EQ(shown, expected) << cut;
  }
  Redactor single(deidentifier);
  std::string shown;
  for (const char c : text) shown += single.push({&c, 1});
  shown += single.finish();
  EXPECT_EQ(shown, expected);
}

TEST(Redactor, LongParagraphsToo) {
  std::string text;
  while (text.size() < 20000) text += "the patient Anna Kowalska was seen again and she was well. ";
  const Deidentifier deidentifier(options_with(Method::mask));
  Redactor whole(deidentifier);
  std::string expected = whole.push(text);
  expected += whole.finish();
  EXPECT_EQ(expected.find("Anna"), std::string::npos);
  Redactor pieces(deidentifier);
  std::string shown;
  for (std::size_t at = 0; at < text.size(); at += 7)
    shown += pieces.push(std::string_view(text).substr(at, 7));
  shown += pieces.finish();
  EXPECT_EQ(shown, expected);
}

TEST(Report, HasEighteenRowsAndNoText) {
  const DeidOptions options = options_with(Method::mask);
  DeidReport report(options);
  report.add(document_entry("note.txt", note, Deidentifier(options).run(Document(note))));
  const Json json = report.json();
  ASSERT_EQ(json["hipaa"].size(), 18u);
  EXPECT_EQ(json["hipaa"][0]["found"], 3);
  EXPECT_EQ(json["hipaa"][16]["status"], "not machine-checkable: to be reviewed by a human");
  for (const std::string& text : {json.dump(), report.html(), report.terminal()}) {
    EXPECT_EQ(text.find("Kowalska"), std::string::npos);
    EXPECT_EQ(text.find("00123456"), std::string::npos);
  }
}

std::string file_of(RecordFormat format, const std::string& file) {
  return Deidentifier(options_with(Method::mask))
      .run(file, fields_of(file, format, "file"))
      .text.text();
}

TEST(Records, Hl7) {
  EXPECT_EQ(file_of(RecordFormat::hl7,
                    "MSH|^~\\&|LAB|GOODHOSP|||20210304||ORU^R01|44|P|2.5\r"
                    "PID|1||00123456^^^MR||Kowalska^Anna||19560102|F\r"
                    "OBX|1|TX|||Ms. Kowalska was seen by Dr. Brandt||||||F\r"
                    "OBX|2|NM|718-7^Hemoglobin^LN||13.2|g/dL|||||F\r"),
            "MSH|^~\\&|LAB|[HOSPITAL]|||[DATE]||ORU^R01|44|P|2.5\r"
            "PID|1||[MEDICALRECORD]^^^MR||[PATIENT]^[PATIENT]||[DATE]|F\r"
            "OBX|1|TX|||Ms. [PATIENT] was seen by Dr. [DOCTOR]||||||F\r"
            "OBX|2|NM|718-7^Hemoglobin^LN||13.2|g/dL|||||F\r");
}

TEST(Records, FhirWithAnAttachment) {
  // "Anna is better." in base64
  const std::string file =
      R"({"resourceType":"Patient","name":[{"family":"Kowalska","given":["Anna"]}],"gender":"female",)"
      R"("birthDate":"1956-01-02","contained":[{"resourceType":"DocumentReference","status":"current",)"
      R"("content":[{"attachment":{"contentType":"text/plain","data":"QW5uYSBpcyBiZXR0ZXIu"}}]}]})";
  const std::string out = file_of(RecordFormat::json, file);
  const Json json = Json::parse(out);
  EXPECT_EQ(json["name"][0]["family"], "[PATIENT]");
  EXPECT_EQ(json["birthDate"], "[DATE]");
  EXPECT_EQ(json["gender"], "female");
  EXPECT_EQ(
      base64_decoded(json["contained"][0]["content"][0]["attachment"]["data"].get<std::string>()),
      "[PATIENT] is better.");
}

TEST(Records, Ccda) {
  EXPECT_EQ(
      file_of(RecordFormat::xml,
              "<?xml version=\"1.0\"?><ClinicalDocument><recordTarget><patientRole><id "
              "extension='998991' "
              "root='2.16'/><patient><name><given>Anna</given><family>Kowalska</family></name>"
              "<birthTime value=\"19560102\"/></patient></patientRole></recordTarget>"
              "<text>Kowalska &amp; son <b>well</b></text></ClinicalDocument>"),
      "<?xml version=\"1.0\"?><ClinicalDocument><recordTarget><patientRole><id "
      "extension='[MEDICALRECORD]' "
      "root='2.16'/><patient><name><given>[PATIENT]</given><family>[PATIENT]</family></name>"
      "<birthTime value=\"[DATE]\"/></patient></patientRole></recordTarget>"
      "<text>[PATIENT] &amp; son <b>well</b></text></ClinicalDocument>");
  EXPECT_THROW(file_of(RecordFormat::xml, "<a><b></a>"), Error);
  EXPECT_THROW(file_of(RecordFormat::xml, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), Error);
}

TEST(Records, CsvAndJsonLines) {
  EXPECT_EQ(file_of(RecordFormat::csv, "mrn,name,note\n17,Anna Kowalska,\"Anna, well\"\n"),
            "mrn,name,note\n\"[MEDICALRECORD]\",\"[PATIENT]\",\"[PATIENT], well\"\n");
  EXPECT_EQ(
      file_of(RecordFormat::json_lines, "{\"mrn\": 12, \"note\": \"Dr. Brandt\"}\n{\"age\": 5}\n"),
      "{\"mrn\": \"[MEDICALRECORD]\", \"note\": \"Dr. [DOCTOR]\"}\n{\"age\": 5}\n");
}

}  // namespace
}  // namespace medlar::clinical
