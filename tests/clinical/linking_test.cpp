// Terms to concepts, terminologies from files.
#include "clinical/linking.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/scores.h"
#include "clinical/pubtator.h"
#include "shared_data.h"

namespace medlar::clinical {
namespace {

const Linker& linker() {
  static const Linker one(disease_ontology());
  return one;
}

struct Case {
  const char* mention;
  const char* code;  ///< "" is NIL
  const char* how;
};

TEST(Linking, ByWordsThenBySpelling) {
  for (const Case& one : std::vector<Case>{{"Hypertension", "DOID:10763", "exact"},
                                           {"HTN", "DOID:10763", "exact"},
                                           {"type 2 diabetes", "DOID:9352", "exact"},
                                           {"Crohn disease", "DOID:8778", "exact"},
                                           {"cancer of the breast", "DOID:1612", "same words"},
                                           {"pulmonory embolism", "DOID:9477", "similar"},
                                           {"chicken soup", "", ""},
                                           {"", "", ""}}) {
    const Link link = linker().link(one.mention);
    const Candidate* best = link.best();
    ASSERT_EQ(best == nullptr, std::string(one.code).empty()) << one.mention;
    if (best == nullptr) continue;
    EXPECT_EQ(best->meaning->code, one.code) << one.mention;
    EXPECT_EQ(best->how, one.how) << one.mention;
  }
}

TEST(Linking, CarriesReferences) {
  const Candidate best = linker().link("type 2 diabetes mellitus").candidates.front();
  EXPECT_EQ(reference_in(*best.meaning, "ICD10CM"), "E11");
  EXPECT_EQ(reference_in(*best.meaning, "MESH"), "D003924");
  EXPECT_EQ(reference_in(*best.meaning, "NONE"), "");
}

TEST(Linking, VectorsOrderWhatIsNotExact) {
  const std::string mention = "pulmonory fibrosiss";
  const Link plain = linker().link(mention);
  ASSERT_EQ(plain.candidates.size(), 5U);
  // An encoder for which the fourth by spelling is what the mention means.
  const std::string meant = plain.candidates[3].name;
  const EmbedTexts embed = [&](const std::vector<std::string>& texts) {
    std::vector<std::vector<float>> rows;
    for (const std::string& text : texts) {
      const bool is_near = text == mention || text == meant;
      rows.push_back(is_near ? std::vector<float>{1, 0} : std::vector<float>{0, 1});
    }
    return rows;
  };
  const Link ordered = linker().link(mention, {.embed = embed});
  EXPECT_EQ(ordered.candidates.front().name, meant);
  EXPECT_EQ(ordered.candidates.front().how, "embedding");
}

TEST(Terminology, FromObo) {
  const Terminology terms = parse_terminology(
      "format-version: 1.2\ndata-version: 7\n\n[Term]\nid: A:1\nname: big toe pain\n"
      "synonym: \"sore \\\"toe\\\"\" EXACT []\nsynonym: \"foot\" RELATED []\nxref: MESH:D1 {x}\n\n"
      "[Term]\nid: A:2\nname: gone\nis_obsolete: true\n\n[Typedef]\nid: part_of\nname: part of\n",
      "toes.obo");
  ASSERT_EQ(terms.concepts.size(), 1U);
  EXPECT_EQ(terms.version, "7");
  EXPECT_EQ(terms.concepts[0].synonyms, (std::vector<std::string>{"sore \"toe\""}));
  EXPECT_EQ(terms.concepts[0].references, (std::vector<std::string>{"MESH:D1"}));
}

TEST(Terminology, FromTables) {
  const Terminology csv = parse_terminology(
      "Code,Name,Synonyms,References\r\n1,\"a, b\",x|y,MESH:D1 ICD10CM:Z1\r\n,none,,\r\n", "t.csv");
  ASSERT_EQ(csv.concepts.size(), 1U);
  EXPECT_EQ(csv.concepts[0].name, "a, b");
  EXPECT_EQ(csv.concepts[0].synonyms, (std::vector<std::string>{"x", "y"}));
  const Terminology omop = parse_terminology(
      "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_code\n"
      "316139\tHeart failure\tCondition\tSNOMED\t84114007\n",
      "CONCEPT.csv");
  ASSERT_EQ(omop.concepts.size(), 1U);
  EXPECT_EQ(omop.concepts[0].code, "OMOP:316139");
  EXPECT_EQ(omop.concepts[0].references, (std::vector<std::string>{"SNOMED:84114007"}));
}

TEST(Terminology, BrokenFilesSayWhere) {
  for (const std::string text : {"", "a,b\n1,2\n", "code,name\n1,\"open\n", "[Term]\nid: A\n"}) {
    try {
      parse_terminology(text, "t.csv");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt_file);
      EXPECT_TRUE(std::string(error.what()).starts_with("t.csv")) << error.what();
    }
  }
  EXPECT_THROW(read_pubtator("1\t2\n", "p"), Error);
  EXPECT_THROW(read_pubtator("1|t|x\n1\t2\n", "p"), Error);
}

TEST(Linking, MentionsOfTheBc5cdrSample) {
  MEDLAR_NEEDS_SHARED();
  const auto file = tests::shared_folder() / "data/ner/BC5CDR-pubtator/CDR_sample.txt";
  Counts sum;
  for (const PubtatorDocument& document : read_pubtator(read_text_file(file), "sample")) {
    for (const PubtatorMention& mention : document.mentions) {
      if (mention.type != "Disease" || mention.codes.empty()) continue;
      const Link link = linker().link(mention.text);
      const std::string code =
          link.best() == nullptr ? "" : reference_in(*link.best()->meaning, "MESH");
      sum += {.right = code == mention.codes.front() ? 1 : 0,
              .wanted = 1,
              .found = code.empty() ? 0 : 1};
    }
  }
  EXPECT_GE(sum.wanted, 400);
  EXPECT_GE(sum.precision(), 0.65);  // 0.70 measured; the ontology lacks symptoms, so recall is low
}

}  // namespace
}  // namespace medlar::clinical
