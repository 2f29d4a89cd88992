// Labelled sentences and how they are scored.
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "folder.h"
#include "train/span_score.h"
#include "train/tagged_text.h"

namespace medlar::train {
namespace {

using tests::TemporaryFolder;
using Labels = std::vector<std::string>;

TEST(NormalLabels, ComeFromEveryStyle) {
  const Labels expected = {"B-x", "I-x", "B-x", "O", "B-y"};
  EXPECT_EQ(normal_labels(Labels{"B-x", "I-x", "B-x", "O", "B-y"}, ""), expected);  // IOB2
  EXPECT_EQ(normal_labels(Labels{"I-x", "I-x", "B-x", "O", "I-y"}, ""), expected);  // IOB1
  EXPECT_EQ(normal_labels(Labels{"B-x", "E-x", "S-x", "O", "S-y"}, ""), expected);  // BIOES
  EXPECT_EQ(normal_labels(Labels{"B-x", "L-x", "U-x", "O", "U-y"}, ""), expected);  // BILOU
  EXPECT_EQ(normal_labels(Labels{"I-x", "I-x", "O", "I-y"}, ""),
            (Labels{"B-x", "I-x", "O", "B-y"}));  // IO
  EXPECT_EQ(normal_labels(Labels{"B", "I", "O", "B"}, "species"),
            (Labels{"B-species", "I-species", "O", "B-species"}));
  for (const char* wrong : {"", "X", "B-", "Bx", "X-y"})
    EXPECT_THROW(normal_labels(Labels{wrong}, "t"), Error) << wrong;
}

TEST(ReadConll, TakesFirstAndLastColumns) {
  const TemporaryFolder folder("conll");
  std::ofstream(folder.path / "a.tsv") << "-DOCSTART-\tO\n\nFever\tNN\tB-Disease\r\n.\t.\tO\n\n\n"
                                          "mouse B\n";
  const std::vector<TaggedSentence> sentences = read_conll(folder.path / "a.tsv", "species");
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_EQ(sentences[0].words, (Labels{"Fever", "."}));
  EXPECT_EQ(sentences[0].labels, (Labels{"B-Disease", "O"}));
  EXPECT_EQ(sentences[1].labels, (Labels{"B-species"}));
  std::ofstream(folder.path / "b.tsv") << "secret words without a tag\n";
  try {
    read_conll(folder.path / "b.tsv");
    FAIL() << "a line without a tag was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_file);
    EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
  }
}

TEST(SpanScore, CountsExactSpansOnly) {
  const std::vector<runtime::LabelledSpan> wanted = {{0, 2, "x"}, {3, 4, "y"}, {5, 6, "y"}};
  const std::vector<runtime::LabelledSpan> found = {{0, 2, "x"}, {3, 5, "y"}};
  const std::vector<TypeCounts> counts = {compare_spans(found, wanted)};
  const Counts total = total_of(counts);
  EXPECT_EQ(total.right, 1);
  EXPECT_DOUBLE_EQ(total.precision(), 0.5);
  EXPECT_DOUBLE_EQ(total.recall(), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(total.f1(), 0.4);
  EXPECT_EQ(by_type(counts).at("y").wanted, 2);
}

}  // namespace
}  // namespace medlar::train
