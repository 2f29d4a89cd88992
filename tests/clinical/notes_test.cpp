#include "clinical/records/notes.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace medlar::clinical {
namespace {

TEST(Notes, OfTextAreTheWhole) {
  const auto notes = notes_of("Denies cough.\n", "note.txt");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].id, "");
  EXPECT_EQ(notes[0].text, "Denies cough.\n");
}

TEST(Notes, OfHl7AreTheTextsOfEachMessage) {
  const std::string file =
      "MSH|^~\\&|A|B|C|D|20240101||ORU^R01|1|P|2.5\r"
      "OBX|1|TX|18748-4^Report^LN||No acute\\T\\chronic change.~Second line.\r"
      "OBX|2|NM|718-7^Hemoglobin^LN||10.2|g/dL^gram|12.0-15.5\r"
      "OBX|3|CE|x||J18^Pneumonia\r"
      "NTE|1||Called to the ward.\r"
      "MSH|^~\\&|A|B|C|D|20240101||ADT^A01|2|P|2.5\r"
      "PID|1||4711\r"
      "MSH|^~\\&|A|B|C|D|20240101||ORU^R01|3|P|2.5\r"
      "OBX|1|ED|r||src^TEXT^plain^Base64^RmV2ZXIu\r";
  const auto notes = notes_of(file, "batch.hl7");
  ASSERT_EQ(notes.size(), 2U);  // the second message holds no text
  EXPECT_EQ(notes[0].id, "1");
  EXPECT_EQ(notes[0].text,
            "No acute&chronic change.\nSecond line.\n"
            "Hemoglobin 10.2 g/dL (12.0-15.5)\nCalled to the ward.\n");
  EXPECT_EQ(notes[1].id, "3");
  EXPECT_EQ(notes[1].text, "Fever.\n");
}

TEST(Notes, OfCcdaAreTheNarrativesUnderTheirTitles) {
  const std::string file =
      "<?xml version=\"1.0\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>Whole</title>"
      "<component><structuredBody><component><section><code code=\"x\"/><title>Allergies</title>"
      "<text><list><item>Penicillin &amp; latex</item><item>Nuts</item></list></text>"
      "<entry><act><text>coded, not narrative</text></act></entry></section></component>"
      "<component><section><title>Plan:</title><text><paragraph>Return\n  if worse.</paragraph>"
      "<table><tbody><tr><td>Iron</td><td>low</td></tr></tbody></table></text></section>"
      "</component></structuredBody></component></ClinicalDocument>";
  const auto notes = notes_of(file, "a.xml");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text,
            "Allergies:\nPenicillin & latex\nNuts\n\nPlan:\nReturn if worse.\nIron ; low ;\n");
  EXPECT_THROW(notes_of("<?xml version=\"1.0\"?><html/>", "a.xml"), Error);
}

TEST(Notes, OfFhirAreAttachmentsAnnotationsAndConclusions) {
  const std::string bundle =
      R"({"resourceType":"Bundle","entry":[)"
      R"({"resource":{"resourceType":"DocumentReference","id":"d1","text":{"div":"<div>twice</div>"},)"
      R"("content":[{"attachment":{"contentType":"text/plain","data":"RmV2ZXIu"}},)"
      R"({"attachment":{"contentType":"text/html","data":"PHA+QSAmbHQ7IEI8L3A+"}},)"
      R"({"attachment":{"contentType":"image/png","data":"iVBORw0KGgo="}}]}},)"
      R"({"resource":{"resourceType":"Condition","id":"c","note":[{"text":"Since spring."}]}},)"
      R"({"resource":{"resourceType":"DiagnosticReport","conclusion":"No fracture."}}]})";
  const auto notes = notes_of(bundle, "bundle.json");
  ASSERT_EQ(notes.size(), 4U);
  EXPECT_EQ(notes[0].id, "DocumentReference/d1");
  EXPECT_EQ(notes[0].text, "Fever.");
  EXPECT_EQ(notes[1].id, "DocumentReference/d1#2");
  EXPECT_EQ(notes[1].text, "A < B\n");
  EXPECT_EQ(notes[2].id, "Condition/c");
  EXPECT_EQ(notes[3].text, "No fracture.");
}

TEST(Notes, OfTablesStandInAColumn) {
  const std::string file = "note_id,Text,other\r\n7,\"Cough, fever\",x\r\n8,Well,y\r\n";
  const auto notes = notes_of(file, "notes.csv");
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0].id, "7");
  EXPECT_EQ(notes[0].text, "Cough, fever");
  EXPECT_EQ(notes_of(file, "notes.csv", {.text = "other", .id = "other"})[1].id, "y");
  EXPECT_THROW(notes_of(file, "notes.csv", {.text = "nowhere"}), Error);
  EXPECT_THROW(notes_of("id,text\n1\n", "notes.csv"), Error);
  EXPECT_THROW(notes_of("\xfc\xfc,text\n1,x\n", "notes.csv"), Error);
}

TEST(Notes, OfJsonLinesAreTheirTexts) {
  const auto notes =
      notes_of("{\"id\":\"a\",\"text\":\"One.\"}\n\n{\"text\":\"Two.\"}\n", "n.jsonl");
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0].id, "a");
  EXPECT_EQ(notes[1].id, "3");
  EXPECT_THROW(notes_of("{\"words\":1}\n", "n.jsonl"), Error);
}

}  // namespace
}  // namespace medlar::clinical
