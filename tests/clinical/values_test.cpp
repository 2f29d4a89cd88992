// Medicines, values, dates and ages: what stands in a line becomes what it means.
#include <gtest/gtest.h>

#include "base/error.h"
#include "clinical/dates.h"
#include "clinical/labs.h"
#include "clinical/medications.h"

namespace medlar::clinical {
namespace {

/// One span as "name key=value ...", keys in the order of the alphabet.
std::string told(const Span& span) {
  std::string out = span.label;
  for (const auto& [name, value] : span.attributes) out += " " + name + "=" + value;
  return out;
}

struct Case {
  std::string text;
  std::vector<std::string> expected;
};

template <typename Find>
void check(const std::vector<Case>& cases, const Find& find) {
  for (const Case& one : cases) {
    std::vector<std::string> found;
    for (const Span& span : find(one.text, words_of(one.text))) found.push_back(told(span));
    EXPECT_EQ(found, one.expected) << one.text;
  }
}

TEST(Medications, DirectionsStandWithTheirMedicine) {
  const MedicationRules rules;
  const std::vector<Case> cases = {
      {"lisinopril 10 mg p.o. daily, metformin 500 mg BID with meals",
       {"medication dose=10 mg dose_unit=mg dose_value=10 frequency=QD name=lisinopril per_day=1 "
        "route=oral",
        "medication dose=500 mg dose_unit=mg dose_value=500 frequency=BID name=metformin "
        "per_day=2"}},
      {"Tylenol 650mg q6h prn pain",
       {"medication as_needed=yes dose=650mg dose_unit=mg dose_value=650 frequency=Q6H "
        "name=acetaminophen per_day=4"}},
      {"Take two tablets of oxycodone every 4-6 hours as needed",
       {"medication as_needed=yes frequency=Q4-6H name=oxycodone per_day=6 quantity=2 tablet"}},
      {"furosemide 40 mg IV and 20 mEq of potassium chloride",
       {"medication dose=40 mg dose_unit=mg dose_value=40 name=furosemide route=intravenous",
        "medication dose=20 mEq dose_unit=meq dose_value=20 name=potassium chloride"}},
      {"amoxicillin 875 mg b.i.d. for 10 days",
       {"medication dose=875 mg dose_unit=mg dose_value=875 duration=P10D frequency=BID "
        "name=amoxicillin per_day=2"}},
      {"vancomycin 1 g IV q 12 hours x 7 days",
       {"medication dose=1 g dose_unit=g dose_value=1 duration=P7D frequency=Q12H name=vancomycin "
        "per_day=2 route=intravenous"}},
      {"Percocet 5/325 mg 1-2 tabs q4-6h",
       {"medication dose=5/325 mg dose_unit=mg dose_value=5/325 frequency=Q4-6H "
        "name=oxycodone/acetaminophen per_day=6 quantity=1-2 tablet"}},
      {"albuterol 2 puffs inhaled q4h",
       {"medication frequency=Q4H name=albuterol per_day=6 quantity=2 puff route=inhaled"}},
      {"levothyroxine 88 mcg every morning",
       {"medication dose=88 mcg dose_unit=ug dose_value=88 frequency=QAM name=levothyroxine "
        "per_day=1"}},
      {"no drugs here, 10 mg", {}},
  };
  check(cases, [&](const std::string& text, const std::vector<Word>& words) {
    return rules.find(text, words);
  });
}

TEST(Labs, ValuesWithUnitsRangesAndFlags) {
  const LabRules rules;
  const std::vector<Case> cases = {
      {"Na 138, K 5.6 (3.5-5.1), Cr 1.4 mg/dL (H)",
       {"lab loinc=2951-2 name=sodium unit=mmol/L unit_assumed=yes value=138",
        "lab flag=H loinc=2823-3 name=potassium range_high=5.1 range_low=3.5 unit=mmol/L "
        "unit_assumed=yes value=5.6",
        "lab flag=H loinc=2160-0 name=creatinine unit=mg/dL value=1.4"}},
      {"WBC 11.2 K/uL [4.0 - 10.5]",
       {"lab flag=H loinc=6690-2 name=leukocytes range_high=10.5 range_low=4 unit=10*3/uL "
        "value=11.2"}},
      {"BP 120/80 mmHg, HR 72 bpm, RR 16, T 98.6 F, SpO2 95%",
       {"vital loinc=55284-4 name=blood pressure unit=mm[Hg] value=120/80",
        "vital loinc=8867-4 name=heart rate unit=/min value=72",
        "vital loinc=9279-1 name=respiratory rate unit=/min unit_assumed=yes value=16",
        "vital loinc=8310-5 name=body temperature unit=[degF] value=98.6",
        "vital loinc=59408-5 name=oxygen saturation unit=% value=95"}},
      {"Temp 38.2",
       {"vital loinc=8310-5 name=body temperature unit=Cel unit_assumed=yes value=38.2"}},
      {"Troponin <0.01 ng/mL", {"lab comparator=< name=troponin unit=ng/mL value=0.01"}},
      {"platelets of 150,000",
       {"lab loinc=777-3 name=platelets unit=/uL unit_assumed=yes value=150000"}},
      {"hemoglobin was low at 7.1 g/dL",
       {"lab flag=L loinc=718-7 name=hemoglobin unit=g/dL value=7.1"}},
      {"Creatinine 3/4/2024, K. Smith, potassium was replaced, T 4 lesion", {}},
  };
  check(cases, [&](const std::string& text, const std::vector<Word>& words) {
    return rules.find(text, words);
  });
}

TEST(Dates, AbsoluteAndRelativeToTheNote) {
  const std::vector<Case> cases = {
      {"on 03/05/2024 and 3/5/24 and 2024-03-05",
       {"date date=2024-03-05", "date date=2024-03-05", "date date=2024-03-05"}},
      {"25/12/2023", {"date date=2023-12-25"}},
      {"March 5, 2024; 5 Mar 2024; Sept. 2023; 3/2021",
       {"date date=2024-03-05", "date date=2024-03-05", "date date=2023-09", "date date=2021-03"}},
      {"3 days ago, yesterday, two weeks ago, last month, in 6 months",
       {"date date=2024-02-27 relative=-P3D", "date date=2024-02-29 relative=-P1D",
        "date date=2024-02-16 relative=-P2W", "date date=2024-02-01 relative=-P1M",
        "date date=2024-09-01 relative=P6M"}},
      {"71-year-old, 6 month old, 45 y/o, 80 yo, aged 33",
       {"age unit=a value=71", "age unit=mo value=6", "age unit=a value=45", "age unit=a value=80",
        "age unit=a value=33"}},
      {"02/30/2024, 120/80, may 5, 13/13/2020, 99999999 years ago, 1/2", {}},
  };
  check(cases, [&](const std::string& text, const std::vector<Word>& words) {
    return dates_and_ages(text, words, day_of("2024-03-01"));
  });
}

TEST(Dates, WithoutTheNotesDateRelativeOnesStayRelative) {
  const std::string text = "fell 3 days ago";
  const std::vector<Span> spans = dates_and_ages(text, words_of(text), {});
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(told(spans[0]), "date relative=-P3D");
  EXPECT_THROW(day_of("03/05/2024"), Error);
}

}  // namespace
}  // namespace medlar::clinical
