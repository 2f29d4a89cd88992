// ner, classify, qa, fill-mask: a small BERT with a vocabulary beside it.
#include <fmt/format.h>

#include <set>
#include <utility>

#include "e2e/cli.h"

namespace medlar::tests {
namespace {

const std::string note = "The patient has severe chest pain, and fever. He takes aspirin daily.";

/// A golden BERT in a folder of its own, with words that make tokens of the note.
class SmallBert {
 public:
  explicit SmallBert(const std::string& name, const Json& labels = Json::object()) {
    const fs::path from = source("tests/golden/bert") / name;
    fs::copy(from / "model.safetensors", folder_ / "model.safetensors");
    Json config = Json::parse(bytes_of(from / "config.json"));
    if (!labels.empty()) config["id2label"] = labels;
    write_bytes(folder_ / "config.json", config.dump());
    std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (const char* word : {"the", "patient", "has", "severe", "chest", "pain", "and", "fever",
                             "he", "takes", "aspirin", ",", ".", "##ly", "dai"}) {
      vocabulary += std::string(word) + "\n";
    }
    for (char letter = 'a'; letter <= 'z'; ++letter)
      vocabulary += fmt::format("{0}\n##{0}\n", letter);
    write_bytes(folder_ / "vocab.txt", vocabulary);
  }

  std::string path() const { return fs::path(folder_ / "config.json").parent_path().string(); }

 private:
  TemporaryFolder folder_;
};

const Json bio = {{"0", "O"}, {"1", "B-X"}, {"2", "I-X"}, {"3", "B-Y"}, {"4", "I-Y"}};
const Json bioes = {{"0", "O"}, {"1", "B-X"}, {"2", "I-X"}, {"3", "E-X"}, {"4", "S-X"}};

std::string part(const Json& entity) {
  const auto begin = entity["start_byte"].get<std::size_t>();
  return note.substr(begin, entity["end_byte"].get<std::size_t>() - begin);
}

TEST(Ner, EntitiesStandWhereTheirBytesSay) {
  const SmallBert model("token", bio);
  for (const char* aggregation : {"none", "simple", "first", "average", "max"}) {
    const Json data = data_of({"ner", model.path(), "--aggregation", aggregation}, note);
    EXPECT_EQ(data["offsets"], "bytes");
    i64 end = 0;
    for (const Json& entity : data["entities"]) {
      EXPECT_EQ(entity["text"], part(entity));
      EXPECT_GE(entity["start_byte"].get<i64>(), end);
      end = entity["end_byte"].get<i64>();
    }
  }
}

TEST(Ner, CodePointsOnRequest) {
  const SmallBert model("token", bio);
  const std::string text = "µµ " + note;
  const Json data =
      data_of({"ner", model.path(), "--code-points", "--ignore", "none of them"}, text);
  ASSERT_FALSE(data["entities"].empty());
  const Json& last = data["entities"].back();
  EXPECT_EQ(last["end_byte"].get<i64>() - last["end"].get<i64>(), 2);
}

TEST(Ner, WindowsLeaveEachEntityOnce) {
  const SmallBert model("token", bio);
  std::string text = note;
  for (int i = 0; i < 3; ++i) text += " " + note;
  const Json data = data_of({"ner", model.path(), "--window", "32", "--stride", "12"}, text);
  i64 end = 0;
  for (const Json& entity : data["entities"]) {
    EXPECT_GE(entity["start_byte"].get<i64>(), end) << entity;
    end = entity["end_byte"].get<i64>();
  }
}

TEST(Ner, ViterbiGivesWellFormedSpans) {
  const SmallBert model("token", bioes);
  const Json data = data_of({"ner", model.path(), "--viterbi"}, note);
  EXPECT_EQ(data["decoding"], "viterbi");
  for (const Json& entity : data["entities"]) EXPECT_EQ(entity["label"], "X");
  const SmallBert other("token", bio);
  EXPECT_EQ(error_code_of({"ner", other.path(), "--viterbi"}, 1, note), "unsupported");
}

TEST(Ner, OtherModelsAndTextsAreErrors) {
  const SmallBert question("question");
  EXPECT_EQ(error_code_of({"ner", question.path()}, 1, note), "unsupported");
  const SmallBert model("token", bio);
  EXPECT_EQ(error_code_of({"ner", model.path()}, 1, "\xff"), "invalid_argument");
  EXPECT_EQ(error_code_of({"ner", model.path(), "--aggregation", "best"}, 2, note), "usage");
  EXPECT_EQ(error_code_of({"ner", model.path(), "--window", "4000"}, 1, note), "invalid_argument");
  EXPECT_TRUE(data_of({"ner", model.path()}, "")["entities"].empty());
}

TEST(Classify, ScoresAreProbabilities) {
  const SmallBert model("sequence");
  const Json data = data_of({"classify", model.path()}, note);
  ASSERT_EQ(data["scores"].size(), 5u);
  double total = 0.0;
  double before = 1.0;
  for (const Json& entry : data["scores"]) {
    const double score = entry["score"].get<double>();
    EXPECT_LE(score, before);
    total += before = score;
  }
  EXPECT_NEAR(total, 1.0, 1e-5);
  EXPECT_EQ(data_of({"classify", model.path(), "--top-k", "1"}, note)["scores"].size(), 1u);
  const SmallBert token("token", bio);
  EXPECT_EQ(error_code_of({"classify", token.path()}, 1, note), "unsupported");
}

TEST(Qa, AnswersStandInTheText) {
  const SmallBert model("question");
  const Json data = data_of({"qa", model.path(), "--question", "what pain", "--top-k", "3"}, note);
  ASSERT_EQ(data["answers"].size(), 3u);
  for (const Json& answer : data["answers"]) EXPECT_EQ(answer["answer"], part(answer));
  EXPECT_GE(data["answers"][0]["score"].get<double>(), data["answers"][1]["score"].get<double>());
  // The same bits by windows as by windows of another batch: the text is longer than one of them.
  const Json cut =
      data_of({"qa", model.path(), "--question", "what", "--window", "24", "--stride", "8"}, note);
  EXPECT_EQ(cut["answers"].size(), 1u);
  EXPECT_EQ(error_code_of({"qa", model.path(), "--question", "what", "--window", "4"}, 1, note),
            "invalid_argument");
  EXPECT_EQ(error_code_of({"qa", model.path()}, 2, note), "usage");
}

TEST(FillMask, ATokenForEachMask) {
  const SmallBert model("masked_lm");
  const Json data =
      data_of({"fill-mask", model.path(), "--top-k", "4"}, "the [MASK] has [MASK] pain\n");
  ASSERT_EQ(data["masks"].size(), 2u);
  EXPECT_EQ(data["masks"][0].size(), 4u);
  EXPECT_GE(data["masks"][1][0]["score"].get<double>(), data["masks"][1][1]["score"].get<double>());
  EXPECT_EQ(error_code_of({"fill-mask", model.path()}, 1, "no mask"), "invalid_argument");
}

TEST(Ner, TheModelThatShipsFindsWhatItWasTrainedFor) {
  const Json data =
      data_of({"ner", source("models/medlar-ner/medlar-ner.gguf").string(), "-"},
              "Mutations of BRCA1 raise the risk of breast cancer; cisplatin was given.");
  std::set<std::pair<std::string, std::string>> found;
  for (const Json& entity : data["entities"]) found.emplace(entity["text"], entity["label"]);
  EXPECT_TRUE(found.contains({"BRCA1", "gene"}));
  EXPECT_TRUE(found.contains({"cisplatin", "chemical"}));
  EXPECT_TRUE(found.contains({"breast cancer", "disease"}));
}

}  // namespace
}  // namespace medlar::tests
