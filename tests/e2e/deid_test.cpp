#include "e2e/cli.h"

namespace medlar::tests {
namespace {

const std::string note = "Patient: Anna Kowalska, seen on 03/04/2021 by Dr. Brandt.\n";

TEST(Deid, TextGoesThrough) {
  const ProcessResult result = medlar({"deid", "-"}, note);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "Patient: [PATIENT], seen on [DATE] by Dr. [DOCTOR].\n");
  const Json data = data_of({"deid", "-"}, note);
  EXPECT_EQ(data["hipaa"].size(), 18u);
  EXPECT_EQ(data["spans"].size(), 3u);
  EXPECT_EQ(error_code_of({"deid", "-", "--policy", "none"}, 2, note), "usage");
}

TEST(Deid, LinesGoThroughAndABadOneSaysSo) {
  const ProcessResult result = medlar({"deid", "--jsonl", "-"},
                                      "{\"id\": 7, \"text\": \"Dr. Brandt\"}\n"
                                      "{\"id\": 8, \"text\": \"Anna Kowalska\n"
                                      "{\"id\": \"x\", \"text\": \"well\"}\n");
  std::istringstream lines(result.out);
  std::vector<Json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0]["id"], 7);
  EXPECT_EQ(answers[0]["text"], "Dr. [DOCTOR]");
  EXPECT_EQ(answers[0]["spans"][0]["start"], 4);
  EXPECT_EQ(answers[1]["error"]["code"], "corrupt_file");
  EXPECT_EQ(answers[2]["text"], "well");
  EXPECT_EQ(result.out.find("Kowalska"), std::string::npos);
}

TEST(Deid, BackWithTheMapping) {
  const TemporaryFolder folder;
  write_bytes(folder / "key", "a key");
  const ProcessResult hidden =
      medlar({"deid", "-", "--mapping", folder / "map", "--key-file", folder / "key"}, note);
  EXPECT_EQ(hidden.out.find("Anna"), std::string::npos);
  const ProcessResult back =
      medlar({"reid", "-", "--mapping", folder / "map", "--key-file", folder / "key"}, hidden.out);
  EXPECT_EQ(back.out, note);
  write_bytes(folder / "wrong", "b key");
  EXPECT_EQ(
      error_code_of({"reid", "-", "--mapping", folder / "map", "--key-file", folder / "wrong"}, 1,
                    hidden.out),
      "corrupt_file");
}

std::string tree_of(const std::string& folder) {
  std::string all;
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files)
    all += file.lexically_relative(folder).string() + "\n" + bytes_of(file);
  return all;
}

TEST(Deid, AFolderBrokenOffGoesOnToTheSameBytes) {
  const TemporaryFolder folder;
  const std::string in = folder / "in";
  fs::create_directories(in + "/ward");
  for (int i = 0; i < 5; ++i) write_bytes(in + "/ward/n" + std::to_string(i) + ".txt", note);
  write_bytes(in + "/Anna_Kowalska.txt", note);
  const auto run = [&](const std::string& out) {
    return medlar({"deid", in, "--out", out, "--seed", "1", "--resume"}).exit_code;
  };
  EXPECT_EQ(run(folder / "a"), 0);
  EXPECT_EQ(run(folder / "b"), 0);
  // as after a kill: the last lines of the journal and two files are missing, one line is cut
  std::string journal = bytes_of(folder / "b/spans.jsonl");
  write_bytes(folder / "b/spans.jsonl", journal.substr(0, journal.size() / 2));
  fs::remove(folder / "b/ward/n4.txt");
  fs::remove(folder / "b/report.json");
  EXPECT_EQ(run(folder / "b"), 0);
  EXPECT_EQ(tree_of(folder / "a"), tree_of(folder / "b"));
  EXPECT_EQ(tree_of(folder / "a").find("Kowalska"), std::string::npos);
}

TEST(Deid, SaysWhetherAModelLooked) {
  EXPECT_EQ(data_of({"deid", "-", "--no-model"}, note)["model_layer"],
            "off: rules, dictionaries and check digits only");
  EXPECT_EQ(error_code_of({"deid", "-", "--model", "no/such/model"}, 1, note), "not_found");
  EXPECT_EQ(error_code_of({"deid", "-", "--model", "m", "--no-model"}, 2, note), "usage");
}

TEST(Deid, TheModelThatShipsLooksInNotesAndInProseOfRecords) {
  const std::string model = MEDLAR_SOURCE_DIR "/models/medlar-deid/medlar-deid.gguf";
  const std::string town = "She moved here from Novo mesto last year.";
  const Json data = data_of({"deid", "-", "--model", model}, town);
  EXPECT_EQ(data["text"], "She moved here from [CITY] last year.");
  EXPECT_EQ(data["spans"][0]["detector"], "model:medlar-deid");
  EXPECT_EQ(data["model_layer"], "medlar-deid, beside rules, dictionaries and check digits");
  const TemporaryFolder folder;
  write_bytes(folder / "a.json", R"({"resourceType":"Observation","note":[{"text":")" + town +
                                     R"("},{"text":")" + town + R"("}]})");
  EXPECT_EQ(
      medlar({"deid", folder / "a.json", "--model", model}).out,
      R"({"resourceType":"Observation","note":[{"text":"She moved here from [CITY] last year."},)"
      R"({"text":"She moved here from [CITY] last year."}]})");
}

TEST(EvalDeid, HasALineForEachOfTheEighteen) {
  const TemporaryFolder folder;
  write_bytes(folder / "notes.jsonl",
              "{\"text\": \"Dr. Brandt, 03/04/2021, a baker\", \"entities\": ["
              "{\"start\": 4, \"end\": 10, \"label\": \"DOCTOR\"},"
              "{\"start\": 12, \"end\": 22, \"label\": \"DATE\"},"
              "{\"start\": 26, \"end\": 31, \"label\": \"PROFESSION\"}]}\n");
  const Json data = data_of({"eval", "deid", "--data", folder / "notes.jsonl", "--no-model"});
  ASSERT_EQ(data["hipaa"].size(), 18u);
  EXPECT_EQ(data["hipaa"][0]["total"], 1);
  EXPECT_EQ(data["hipaa"][2]["hits"], 1);
  EXPECT_EQ(data["hipaa"][9]["total"], 0);
  EXPECT_EQ(data["types"]["PROFESSION"]["total"], 1);
  EXPECT_EQ(data["recall"], 1.0);
  EXPECT_EQ(error_code_of(
                {"eval", "deid", "--data", folder / "notes.jsonl", "--no-model", "--no-rules"}, 2),
            "usage");
}

TEST(EvalDeid, CountsWhatIsLeft) {
  const TemporaryFolder folder;
  write_bytes(folder / "asq.txt",
              "===QUERY===\nTreatment for Anna Kowalska, seen on May 3, 2021?\n===PHI_TAGS===\n"
              "{\"identifier_type\": \"NAME\", \"value\": \"Anna Kowalska\"}\n"
              "{\"identifier_type\": \"DATE\", \"value\": \"May 3, 2021\"}\n");
  const Json data = data_of({"eval", "deid", "--data", folder / "asq.txt"});
  EXPECT_EQ(data["recall"], 1.0);
  EXPECT_EQ(data["over_redaction"], 0.0);
  EXPECT_EQ(data["types"]["NAME"]["total"], 1);
  write_bytes(folder / "other.txt", "nothing");
  EXPECT_EQ(error_code_of({"eval", "deid", "--data", folder / "other.txt"}, 1), "corrupt_file");
}

}  // namespace
}  // namespace medlar::tests
