// Texts with entities by offsets, and the labelled sentences they become.
#include "train/standoff.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "folder.h"
#include "shared_data.h"

namespace medlar::train {
namespace {

using tests::TemporaryFolder;
using Words = std::vector<std::string>;

TEST(SentencesOf, CutsAtStopsAndAtTheEdgesOfEntities) {
  // "Café au lait" has a character of two bytes; "renal-failure" ends inside a word.
  const std::string text = "Café au lait spots. Renal failures? none\n\nNext e.g. this.";
  const AnnotatedText annotated = {
      .text = text, .annotations = {{"sign", {0, 19}}, {"inner", {6, 8}}, {"disease", {21, 34}}}};
  const std::vector<TaggedSentence> sentences = sentences_of(annotated);
  ASSERT_EQ(sentences.size(), 3u);
  EXPECT_EQ(sentences[0].words, (Words{"Café", "au", "lait", "spots", "."}));
  EXPECT_EQ(sentences[0].labels, (Words{"B-sign", "I-sign", "I-sign", "I-sign", "O"}));
  EXPECT_EQ(sentences[1].words, (Words{"Renal", "failure", "s", "?", "none"}));
  EXPECT_EQ(sentences[1].labels, (Words{"B-disease", "I-disease", "O", "O", "O"}));
  EXPECT_EQ(sentences[2].words, (Words{"Next", "e", ".", "g", ".", "this", "."}));
  EXPECT_TRUE(sentences_of({.text = " \n", .annotations = {}}).empty());
}

TEST(ReadSentences, KnowsTheFormatsByTheirNames) {
  const TemporaryFolder folder("standoff");
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder.path / name) << text;
    return folder.path / name;
  };
  const Words labels = {"O", "B-Drug", "O", "B-Disease", "I-Disease", "O"};
  const auto check = [&](const std::filesystem::path& path) {
    const std::vector<TaggedSentence> sentences = read_sentences(path);
    ASSERT_EQ(sentences.size(), 1u) << path;
    EXPECT_EQ(sentences[0].words, (Words{"Ünder", "aspirin", "no", "chest", "pain", "."}));
    EXPECT_EQ(sentences[0].labels, labels) << path;
  };
  check(write(
      "a.jsonl",
      R"({"text": "Ünder aspirin no chest pain.", "entities": [)"
      R"({"start": 6, "end": 13, "label": "Drug"}, {"start": 17, "end": 27, "label": "Disease"}]})"
      "\n"));
  check(write("a.pubtator",
              "1|t|Ünder aspirin\n1|a|no chest pain.\n1\t6\t13\taspirin\tDrug\tD1\n"
              "1\t17\t27\tchest pain\tDisease\tD2\n1\tCID\tD1\tD2\n\n"));
  std::filesystem::create_directories(folder.path / "brat");
  write("brat/a.txt", "Ünder aspirin no chest pain.");
  write("brat/a.ann",
        "T1\tDrug 6 13\taspirin\nT2\tDisease 17 22;23 27\tchest pain\n"
        "N1\tReference T1 x\n");
  check(folder.path / "brat");
  check(folder.path / "brat" / "a.ann");
  for (const auto& [name, text] :
       {std::pair{"b.jsonl",
                  R"({"text": "secret", "entities": [{"start": 3, "end": 9, "label": "x"}]})"},
        std::pair{"c.jsonl", R"({"words": "secret"})"}, std::pair{"b.pubtator", "secret\n"}}) {
    try {
      read_sentences(write(name, text));
      FAIL() << name << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt_file) << name;
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << name;
    }
  }
}

TEST(ReadSentences, TakesTheRealCorpora) {
  MEDLAR_NEEDS_SHARED();
  const std::filesystem::path data = tests::shared_folder() / "data" / "ner";
  for (const char* name : {"NCBI-disease-standoff/devel", "BC5CDR-pubtator/CDR_sample.txt"}) {
    i64 spans = 0;
    for (const TaggedSentence& sentence : read_sentences(data / name)) {
      ASSERT_EQ(sentence.words.size(), sentence.labels.size());
      for (const std::string& label : sentence.labels) spans += label.starts_with("B-") ? 1 : 0;
    }
    EXPECT_GT(spans, 100) << name;
  }
}

}  // namespace
}  // namespace medlar::train
