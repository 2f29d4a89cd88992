#include <gtest/gtest.h>

#include <chrono>

#include "clinical/deid/check_digits.h"
#include "clinical/deid/detect.h"
#include "clinical/deid/kinds.h"

namespace medlar::clinical {
namespace {

/// Labels and texts of what is found, as "LABEL:text".
std::vector<std::string> found_in(const std::string& text) {
  const Document note(text);
  std::vector<std::string> found;
  for (const Span& span : detect(note)) {
    found.push_back(span.label + ":" + std::string(note.text(span.range)));
    EXPECT_NE(phi_kind(span.label), nullptr) << span.label;
    EXPECT_FALSE(span.producer.empty());
    EXPECT_FALSE(span.evidence.empty());
  }
  return found;
}

using Found = std::vector<std::string>;

TEST(CheckDigits, HoldAndFail) {
  EXPECT_TRUE(is_luhn("4111 1111 1111 1111"));
  EXPECT_FALSE(is_luhn("4111 1111 1111 1112"));
  EXPECT_TRUE(is_ssn("078-05-1120"));
  EXPECT_FALSE(is_ssn("000-12-3456"));
  EXPECT_FALSE(is_ssn("900-12-3456"));
  EXPECT_TRUE(is_npi("1234567893"));
  EXPECT_FALSE(is_npi("1234567894"));
  EXPECT_TRUE(is_dea("AB1234563"));
  EXPECT_FALSE(is_dea("AB1234567"));
  EXPECT_TRUE(is_vin("1M8GDM9AXKP042788"));
  EXPECT_FALSE(is_vin("1M8GDM9AXKP042789"));
  EXPECT_TRUE(is_iban("GB82 WEST 1234 5698 7654 32"));
  EXPECT_FALSE(is_iban("GB82 WEST 1234 5698 7654 33"));
  EXPECT_TRUE(is_nhs("943 476 5919"));
  EXPECT_FALSE(is_nhs("943 476 5918"));
  EXPECT_TRUE(is_ipv4("192.168.255.1"));
  EXPECT_FALSE(is_ipv4("192.168.256.1"));
}

struct Line {
  const char* text;
  Found found;
};

TEST(Detect, EachOfTheEighteenThatAMachineCanFind) {
  const Line lines[] = {
      {"Seen by Dr. Okonkwo today.", {"DOCTOR:Okonkwo"}},
      {"Patient: Maria Delgado-Ruiz", {"PATIENT:Maria Delgado-Ruiz"}},
      {"She lives at 12 Elm Street today.", {"STREET:12 Elm Street"}},
      {"He moved here from Toledo, OH last year.", {"CITY:Toledo", "STATE:OH"}},
      {"Follow-up on March 3rd, 2021.", {"DATE:March 3rd, 2021"}},
      {"Seen on the 5th of May 2020 and in 2019.", {"DATE:5th of May 2020"}},
      {"He is 93 years old; his son is 61 years old.", {"AGE:93"}},
      {"Call 415-555-2671 now.", {"PHONE:415-555-2671"}},
      {"Fax: 415-555-2672", {"FAX:415-555-2672"}},
      {"Write to a.b@mail.example.com please.", {"EMAIL:a.b@mail.example.com"}},
      {"SSN 078-05-1120", {"SSN:078-05-1120"}},
      {"MRN: 00123456", {"MEDICALRECORD:00123456"}},
      {"Member ID: XZK-882-1177", {"HEALTHPLAN:XZK-882-1177"}},
      {"Account number 5567-2211", {"ACCOUNT:5567-2211"}},
      {"Driver's license D1234567", {"LICENSE:D1234567"}},
      {"License plate 7ABC123", {"VEHICLE:7ABC123"}},
      {"Pacemaker serial number PJN600142", {"DEVICE:PJN600142"}},
      {"See https://clinic.example/p/77 there.", {"URL:https://clinic.example/p/77"}},
      {"Login from 10.20.30.40 failed.", {"IPADDR:10.20.30.40"}},
      {"Fingerprint ID: FP-88213", {"BIOID:FP-88213"}},
      {"Specimen S21-004512 received", {"IDNUM:S21-004512"}},
  };
  for (const Line& line : lines) EXPECT_EQ(found_in(line.text), line.found) << line.text;
}

TEST(Detect, OtherFormsOfTheSame) {
  const Line lines[] = {
      {"SNOW, RUBY J", {"PATIENT:SNOW, RUBY J"}},
      {"a patient, Kowalska, J., seen today", {"PATIENT:Kowalska, J."}},
      {"Hope Price, 34, has hope.", {"PATIENT:Hope Price"}},
      {"admitted 16MAR1938 with pain", {"DATE:16MAR1938"}},
      {"flu shot September '16", {"DATE:September '16"}},
      {"Anna Kowalska, 97, of this town, died", {"PATIENT:Anna Kowalska", "AGE:97"}},
      {"SSN on file XXX-XX-3266", {"SSN:XXX-XX-3266"}},
      {"Tel 068 / 893156", {"PHONE:068 / 893156"}},
      {"sent to the Klinikum Arnsfeld today", {"HOSPITAL:Klinikum Arnsfeld"}},
      {"seen at the NYU Med. Center", {"HOSPITAL:NYU Med. Center"}},
      {"lives in Chicago, Illinois.", {"CITY:Chicago", "STATE:Illinois"}},
      {"She works as a truck driver at night.", {"PROFESSION:truck driver"}},
      {"Doctor: How are you? Take it as needed.", {}},
  };
  for (const Line& line : lines) EXPECT_EQ(found_in(line.text), line.found) << line.text;
}

TEST(Detect, MedicineSurvives) {
  for (const char* text : {
           "Parkinson's disease with positive Babinski sign; Foley catheter placed.",
           "Crohn disease, Hodgkin's lymphoma, Bell's palsy, Grave's disease, Wilson disease.",
           "A Swan-Ganz catheter and a Glasgow Coma Scale of 15; Down syndrome.",
           "Started Lantus 20 units and Keytruda; HbA1c 7.2 %, BP 120/80, EF 55-60 %.",
           "CHA2DS2-VASc of 3, NCT01234567, COVID-19, T4N1M0, L4-L5, pain 3/10 on Tuesday.",
           "Guidelines of the ADA for Type 2 Diabetes in 2021.",
       }) {
    EXPECT_EQ(found_in(text), Found{}) << text;
  }
}

TEST(Detect, ANameIsFoundAgain) {
  EXPECT_EQ(found_in("Mr. Long was seen. The cough is long standing. We told LONG and Long's son."),
            (Found{"PATIENT:Long", "PATIENT:LONG", "PATIENT:Long"}));
}

TEST(Detect, TextWithoutCapitals) {
  EXPECT_EQ(found_in("my name is tracy kowalczyk and i have a cough"),
            (Found{"PATIENT:tracy kowalczyk"}));
}

TEST(Detect, FieldsOfAHeaderKeepTheirNames) {
  const Document note(
      "Patient: Elena Marchetti        MRN: 00482913        DOB: 07/14/1951\n"
      "Admitted: 03/02/2024            Discharged: 03/07/2024\n"
      "Seen by Elena Marchetti MRN: 00482913\n");
  std::vector<std::string> found;
  for (const Span& span : detect(note)) found.emplace_back(note.text(span.range));
  EXPECT_EQ(found,
            (std::vector<std::string>{"Elena Marchetti", "00482913", "07/14/1951", "03/02/2024",
                                      "03/07/2024", "Elena Marchetti", "00482913"}));
}

TEST(United, NothingCoveredIsLost) {
  const auto span = [](i64 begin, i64 end, float score, const char* label) {
    return Span{
        .range = {begin, end}, .label = label, .score = score, .producer = "a", .evidence = "b"};
  };
  const std::vector<Span> one =
      united({span(0, 5, 0.5F, "CITY"), span(3, 9, 0.9F, "PATIENT"), span(9, 11, 0.2F, "DATE")});
  ASSERT_EQ(one.size(), 2u);
  EXPECT_EQ(one[0].range, (text::ByteRange{0, 9}));
  EXPECT_EQ(one[0].label, "PATIENT");
}

TEST(Detect, TimeIsLinear) {
  // what makes patterns that go back and forth slow: long runs of one kind of character
  for (const char* unit :
       {"a", "1", "1-", "A ", "Dr. ", "x@", "12 Elm ", "[", "\n", "Jan ", "a.", "é"}) {
    const auto seconds = [&](std::size_t bytes) {
      std::string text;
      while (text.size() < bytes) text += unit;
      const auto begin = std::chrono::steady_clock::now();
      detect(Document(text));
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    // generous for machines that do other things too; what is quadratic takes minutes here
    EXPECT_LT(seconds(1 << 20), 20.0) << unit;
  }
}

}  // namespace
}  // namespace medlar::clinical
