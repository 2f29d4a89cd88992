// analyze, link, eval: clinical notes from outside.
#include <algorithm>
#include <map>

#include "e2e/cli.h"

namespace medlar::tests {
namespace {

std::string assertion_of(const Json& span) {
  return span.value("/attributes/assertion"_json_pointer, std::string());
}

TEST(Analyze, JsonOfANote) {
  const Json data = data_of({"analyze", "-", "--no-model"}, "PMH: HTN\nDenies chest pain. Na 138.");
  EXPECT_EQ(data["offsets"], "unicode scalars");
  ASSERT_EQ(data["spans"].size(), 3U);
  EXPECT_EQ(data["spans"][0]["attributes"]["code"], "DOID:10763");
  EXPECT_EQ(assertion_of(data["spans"][1]), "negated");
  EXPECT_EQ(data["spans"][2]["attributes"]["value"], "138");
  EXPECT_EQ(data["producers"].back(), "no model");
}

TEST(Analyze, FilterKeepsOrderAndGoesOnBehindABadLine) {
  const std::string input =
      "{\"id\": 7, \"text\": \"no fever\"}\nnot json\n{\"id\": \"b\", \"text\": \"cough\"}\n"
      "{\"id\": [1], \"text\": 5}\n{\"text\": \"\"}\n";
  const ProcessResult result = medlar({"analyze", "--jsonl", "-", "--no-model"}, input);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<Json> lines;
  for (std::size_t at = 0, end = 0; at < result.out.size(); at = end + 1) {
    end = result.out.find('\n', at);
    lines.push_back(Json::parse(result.out.substr(at, end - at)));
  }
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0]["id"], 7);
  EXPECT_EQ(lines[0]["text"], "no fever");
  EXPECT_EQ(assertion_of(lines[0]["spans"][0]), "negated");
  EXPECT_EQ(lines[1]["error"]["code"], "corrupt_file");
  EXPECT_EQ(lines[1]["error"]["line"], 2);
  EXPECT_FALSE(lines[1].contains("spans"));
  EXPECT_EQ(lines[2]["id"], "b");
  EXPECT_EQ(lines[3]["error"]["code"], "corrupt_file");
  EXPECT_EQ(lines[4]["spans"], Json::array());
}

TEST(Analyze, EveryFormatIsWritten) {
  const TemporaryFolder folder;
  write_bytes(folder / "note.txt", "Cough. No fever. Lisinopril 10 mg daily.");
  for (const char* format :
       {"terminal", "json", "jsonl", "csv", "brat", "pubtator", "conll", "html", "fhir", "omop"}) {
    const std::string out = folder / format;
    const ProcessResult result =
        medlar({"analyze", folder / "note.txt", "--format", format, "--out", out});
    EXPECT_EQ(result.exit_code, 0) << format << result.err;
    EXPECT_TRUE(bytes_of(out).find("ever") != std::string::npos) << format;
  }
}

TEST(Analyze, ReadsWithAModelBeside) {
  const TemporaryFolder folder;
  const fs::path from = source("tests/golden/bert/token");
  const std::string model = fs::path(folder / "config.json").parent_path().string();
  fs::copy(from / "model.safetensors", folder / "model.safetensors");
  Json config = Json::parse(bytes_of(from / "config.json"));
  config["id2label"] = {{"0", "B-X"}, {"1", "B-X"}, {"2", "I-X"}, {"3", "B-Y"}, {"4", "I-Y"}};
  write_bytes(folder / "config.json", config.dump());
  std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfever\nzzz\n,\n.\n";
  for (char letter = 'a'; letter <= 'z'; ++letter)
    vocabulary += std::string(1, letter) + "\n##" + letter + "\n";
  write_bytes(folder / "vocab.txt", vocabulary);
  const Json data = data_of({"analyze", "-", "--model", model, "--overlaps", "keep-all", "--raw"},
                            "zzz, zzz fever.");
  i64 of_model = 0;
  for (const Json& span : data["spans"]) {
    const bool is_model = span["producer"].get<std::string>().starts_with("model: ");
    of_model += is_model ? 1 : 0;
    EXPECT_TRUE(!is_model || span["text"].get<std::string>().find(", ") == std::string::npos);
  }
  EXPECT_GE(of_model, 1);
  EXPECT_GE(data["raw"].size(), 2U);
  EXPECT_EQ(data["producers"].back(), "model: " + fs::path(model).filename().string());
}

TEST(Analyze, ReadsWithTheModelThatShips) {
  const Json data = data_of({"analyze", "-"}, "Mutations of BRCA1 were found in the patient.");
  EXPECT_EQ(data["producers"].back(), "model: medlar-ner");
  ASSERT_EQ(data["spans"].size(), 1U) << data["spans"];  // "patient" is no finding
  EXPECT_EQ(data["spans"][0]["text"], "BRCA1");
  EXPECT_EQ(data["spans"][0]["label"], "gene");
}

TEST(Analyze, NotesOfARecordFollowOneAnother) {
  const TemporaryFolder folder;
  const std::string file = folder / "notes.csv";
  write_bytes(file, "note_id,text\na,No fever.\nb,\"Cough, dyspnea\"\n");
  const Json data = data_of({"analyze", file, "--no-model"});
  ASSERT_EQ(data["notes"].size(), 2U);
  EXPECT_EQ(data["notes"][1]["id"], "notes.csv#b");
  EXPECT_EQ(data["notes"][1]["spans"].size(), 2U);
  const std::string csv = medlar({"analyze", file, "--no-model", "--format", "csv"}).out;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);  // one header, three findings
  EXPECT_EQ(error_code_of({"analyze", file, "--no-model", "--column", "body"}, 1),
            "invalid_argument");
  EXPECT_EQ(error_code_of({"analyze", file, "--no-model", "--format", "html"}, 2), "usage");
  const std::string out = folder / "pages";
  data_of({"analyze", file, "--no-model", "--format", "html", "--out", out});
  EXPECT_TRUE(fs::exists(out + "/notes.csv.html"));
  EXPECT_TRUE(fs::exists(out + "/notes.csv-2.html"));
}

TEST(Analyze, AFolderBrokenOffGoesOnToTheSameBytes) {
  const TemporaryFolder folder;
  const std::string in = folder / "in";
  fs::create_directories(in + "/ward");
  for (int i = 0; i < 4; ++i)
    write_bytes(in + "/ward/n" + std::to_string(i) + ".txt", "Denies fever. HTN.");
  write_bytes(in + "/broken.json", "{");
  write_bytes(in + "/result.hl7",
              "MSH|^~\\&|A|B|C|D|20240101||ORU^R01|1|P|2.5\rOBX|1|TX|r||Pneumonia.\r");
  const std::string out = folder / "out";
  const auto run = [&] {
    return medlar({"analyze", in, "--out", out, "--format", "fhir", "--no-model", "--resume"});
  };
  const auto tree = [&] {
    std::map<std::string, std::string> files;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(out)) {
      if (entry.is_regular_file()) files[entry.path().string()] = bytes_of(entry.path());
    }
    return files;
  };
  EXPECT_EQ(run().exit_code, 1);  // one file is broken
  const auto whole = tree();
  EXPECT_EQ(whole.size(), 6U);  // five notes and the journal
  EXPECT_NE(whole.at(out + "/result.hl7.fhir.json").find("neumonia"), std::string::npos);
  // as after a kill: the last lines of the journal and a file are missing, one line is cut
  const std::string journal = bytes_of(out + "/journal.jsonl");
  write_bytes(out + "/journal.jsonl", journal.substr(0, journal.size() / 2));
  fs::remove(out + "/ward/n3.txt.fhir.json");
  EXPECT_EQ(run().exit_code, 1);
  EXPECT_EQ(tree(), whole);
  // the time is that of the begin, which the journal holds
  const std::size_t time = journal.find("20", journal.find("begun"));
  write_bytes(out + "/journal.jsonl", journal.substr(0, time) + "1999" + journal.substr(time + 4));
  fs::remove(out + "/ward/n3.txt.fhir.json");
  std::string cut = bytes_of(out + "/journal.jsonl");
  write_bytes(out + "/journal.jsonl", cut.substr(0, cut.find("ward/n3") - 2));
  EXPECT_EQ(run().exit_code, 1);
  EXPECT_NE(bytes_of(out + "/ward/n3.txt.fhir.json").find("\"1999-"), std::string::npos);
  EXPECT_EQ(error_code_of({"analyze", in, "--out", out, "--no-model"}, 2), "usage");
  EXPECT_EQ(error_code_of({"analyze", in, "--out", out, "--format", "fhir", "--resume"}, 2),
            "usage");
}

TEST(Analyze, RefusesWithoutTextOfTheNote) {
  const ProcessResult result = medlar({"analyze", "-"}, "secret \xff");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err.find("secret"), std::string::npos);
  EXPECT_EQ(error_code_of({"analyze", "nowhere.txt"}, 1), "not_found");
  EXPECT_EQ(error_code_of({"analyze", "-", "--format", "xml"}, 2), "usage");
  EXPECT_EQ(error_code_of({"analyze", "-", "--date", "yesterday"}, 1, "x"), "invalid_argument");
}

TEST(Link, CodesOfATerm) {
  const Json data = data_of({"link", "type 2 diabetes"});
  EXPECT_EQ(data["code"], "DOID:9352");
  EXPECT_TRUE(data_of({"link", "chicken soup"})["nil"].get<bool>());
  const TemporaryFolder folder;
  write_bytes(folder / "t.csv", "code,name\nS:1,big toe pain\n");
  EXPECT_EQ(data_of({"link", "Pain big toe", "--terminology", folder / "t.csv"})["code"], "S:1");
}

TEST(Eval, AssertionAndLink) {
  const Json data = data_of(
      {"eval", "assertion", "--data", source("tests/cases/assertion/held_out.txt").string()});
  EXPECT_GE(data["types"]["negated"]["f1"].get<double>(), 0.92);
  EXPECT_EQ(data["intervals_95"]["f1"].size(), 2U);
  const TemporaryFolder folder;
  write_bytes(folder / "p.txt",
              "1|t|Hypertension\n1|a|and nonsense\n1\t0\t12\tHypertension\tDisease\tD006973\n"
              "1\t17\t25\tnonsense\tDisease\tD999\n");
  const Json link = data_of({"eval", "link", "--data", folder / "p.txt"});
  EXPECT_EQ(link["expected"], 2);
  EXPECT_EQ(link["precision"], 1.0);
  EXPECT_EQ(link["recall"], 0.5);
}

}  // namespace
}  // namespace medlar::tests
