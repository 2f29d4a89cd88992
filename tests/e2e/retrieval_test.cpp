// eval retrieval, with the encoder that ships.
#include "e2e/cli.h"

namespace medlar::tests {
namespace {

TEST(EvalRetrieval, RanksThePassageOfEachQuestion) {
  const TemporaryFolder folder;
  write_bytes(folder / "pairs.jsonl",
              "{\"query\": \"What lowers blood sugar?\", \"passage\": \"Insulin takes glucose out "
              "of the blood.\"}\n"
              "{\"query\": \"How is a broken leg held still?\", \"passage\": \"A cast keeps the "
              "bone in place.\"}\n"
              "{\"query\": \"What makes glucose fall?\", \"passage\": \"Insulin takes glucose out "
              "of the blood.\"}\n");
  const Json data = data_of({"eval", "retrieval", "--data", folder / "pairs.jsonl"});
  EXPECT_EQ(data["queries"], 3);
  EXPECT_EQ(data["passages"], 2);
  EXPECT_EQ(data["recall_at_1"]["value"], 1.0);
  EXPECT_EQ(data["mean_reciprocal_rank"]["value"], 1.0);
  write_bytes(folder / "pairs.jsonl", "{\"query\": \"x\"}\n");
  EXPECT_EQ(error_code_of({"eval", "retrieval", "--data", folder / "pairs.jsonl"}, 1),
            "corrupt_file");
}

TEST(EvalRetrieval, ReadsMedquad) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "medquad");
  write_bytes(
      folder / "medquad/1.xml",
      "<Document><QAPairs><QAPair pid=\"1\"><Question>What is a fracture?</Question>"
      "<Answer>A broken bone.</Answer></QAPair><QAPair pid=\"2\"><Question>Empty?</Question>"
      "<Answer></Answer></QAPair></QAPairs></Document>");
  const Json data = data_of({"eval", "retrieval", "--data", folder / "medquad"});
  EXPECT_EQ(data["queries"], 1);  // the other has no answer
}

}  // namespace
}  // namespace medlar::tests
