#include "clinical/deid/phi_model.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace medlar::clinical {
namespace {

/// What is left of one span over the first place where `value` stands in `text`.
std::vector<std::string> left_of(const std::string& text, const std::string& value,
                                 const std::string& label, float score = 0.8F) {
  const Document note(text);
  const auto begin = static_cast<i64>(text.find(value));
  std::vector<std::string> left;
  for (const Span& span : sifted(note, {{.range = {begin, begin + ssize_of(value)},
                                         .label = label,
                                         .score = score,
                                         .producer = "model:test",
                                         .evidence = "a test"}})) {
    left.emplace_back(note.text(span.range));
    EXPECT_LT(span.score, 0.8F);
  }
  return left;
}

using Left = std::vector<std::string>;

TEST(SiftedPhi, KeepsWhatMayIdentify) {
  EXPECT_EQ(left_of("seen by Wijtze today", "Wijtze", "DOCTOR"), Left{"Wijtze"});
  EXPECT_EQ(left_of("Mrs. Rose called", "Rose", "PATIENT"), Left{"Rose"});
  EXPECT_EQ(left_of("moved to Ullinish", "Ullinish", "CITY"), Left{"Ullinish"});
  EXPECT_EQ(left_of("in 12/2019", "12/2019", "DATE"), Left{"12/2019"});
  EXPECT_EQ(left_of("turned 93", "93", "AGE"), Left{"93"});
  EXPECT_EQ(left_of("works as a truck driver", "truck driver", "PROFESSION"), Left{"truck driver"});
}

TEST(SiftedPhi, WholeWordsWithoutMarksAtTheirEnds) {
  EXPECT_EQ(left_of("by Kowalska, RN", "Kowal", "DOCTOR"), Left{"Kowalska"});
  EXPECT_EQ(left_of("by Kowalska, RN", "Kowalska,", "DOCTOR"), Left{"Kowalska"});
  EXPECT_EQ(left_of("tel. (020) 555", "(020) 555", "PHONE"), Left{"(020) 555"});
}

TEST(SiftedPhi, DropsWhatItsFormRefutes) {
  EXPECT_EQ(left_of("since 2019", "2019", "DATE"), Left{});
  EXPECT_EQ(left_of("the summer of 2022", "summer of 2022", "DATE"), Left{});
  EXPECT_EQ(left_of("a woman with SLE", "SLE", "PATIENT"), Left{});
  EXPECT_EQ(left_of("for three weeks", "three weeks", "DATE"), Left{});
  EXPECT_EQ(left_of("aged 45", "45", "AGE"), Left{});
  EXPECT_EQ(left_of("MRN unknown", "unknown", "MEDICALRECORD"), Left{});
  EXPECT_EQ(left_of("a Foley catheter", "Foley", "PATIENT"), Left{});
  EXPECT_EQ(left_of("Parkinson's disease", "Parkinson", "PATIENT"), Left{});
  EXPECT_EQ(left_of("takes Atorvastatin", "Atorvastatin", "PATIENT"), Left{});
  EXPECT_EQ(left_of("seen by Wijtze", "Wijtze", "disease"), Left{});
  EXPECT_EQ(left_of("seen by Wijtze", "Wijtze", "DOCTOR", 0.1F), Left{});
}

TEST(SiftedPhi, SmallLettersNeedCertainty) {
  EXPECT_EQ(left_of("pt rose said so", "rose", "PATIENT", 0.6F), Left{});
  EXPECT_EQ(left_of("pt rose said so", "rose", "PATIENT", 0.95F), Left{"rose"});
}

TEST(PhiModel, ThatIsNotThereIsNoSilentMiss) {
  EXPECT_THROW(PhiModel("no/such/model.gguf"), Error);
}

}  // namespace
}  // namespace medlar::clinical
