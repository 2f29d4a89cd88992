#include "hub/repository.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "hub/http.h"

namespace medlar::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* revision = "0123456789abcdef0123456789abcdef01234567";
// Of the texts below, by sha256sum and git hash-object.
constexpr const char* config_blob = "9e26dfeeb6e641a33dae4961196235bdb965b21b";  // {}
constexpr const char* weights_digest =
    "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";  // 0123456789

/// A hub of one repository on this machine, as the real one answers.
class LoopbackHub : public testing::Test {
 protected:
  LoopbackHub() {
    server_.Get("/api/models/org/model/revision/main", [this](const auto& request, auto& response) {
      authorization_ = request.get_header_value("Authorization");
      response.set_content(listing_.dump(), "application/json");
    });
    server_.Get(R"(/org/model/resolve/[0-9a-f]+/(.+))",
                [this](const auto& request, auto& response) {
                  ++requests_;
                  range_ = request.get_header_value("Range");
                  const auto found = contents_.find(request.matches[1].str());
                  if (found == contents_.end()) {
                    response.status = 404;
                  } else {
                    response.set_content(found->second, "application/octet-stream");
                  }
                });
    const int port = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    hub_ = {.endpoint = fmt::format("http://127.0.0.1:{}", port),
            .token = "",
            .cache = fs::path(testing::TempDir()) /
                     testing::UnitTest::GetInstance()->current_test_info()->name()};
    fs::remove_all(hub_.cache);
  }
  ~LoopbackHub() override {
    server_.stop();
    thread_.join();
    fs::remove_all(hub_.cache);
  }

  fs::path pull_all() {
    const HubSnapshot snapshot = list_repository(hub_, "org/model", "main");
    return pull(hub_, "org/model", "main", snapshot, snapshot.files);
  }

  ErrorCode code_of_pull() {
    try {
      pull_all();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  }

  httplib::Server server_;
  std::thread thread_;
  Hub hub_;
  std::string authorization_;
  std::string range_;
  int requests_ = 0;
  std::map<std::string, std::string> contents_ = {{"config.json", "{}"},
                                                  {"model.safetensors", "0123456789"}};
  Json listing_ = {{"sha", revision},
                   {"siblings",
                    {{{"rfilename", "config.json"}, {"size", 2u}, {"blobId", config_blob}},
                     {{"rfilename", "model.safetensors"},
                      {"size", 10u},
                      {"blobId", "aa"},
                      {"lfs", {{"sha256", weights_digest}, {"size", 10u}}}}}}};
};

TEST_F(LoopbackHub, FilesComeInTheLayoutOfTheHubsCache) {
  const fs::path folder = pull_all();
  const fs::path root = hub_.cache / "models--org--model";
  EXPECT_EQ(folder, root / "snapshots" / revision);
  EXPECT_EQ(read_text_file(folder / "config.json"), "{}");
  EXPECT_EQ(read_text_file(folder / "model.safetensors"), "0123456789");
  EXPECT_EQ(fs::read_symlink(folder / "model.safetensors"),
            fs::path("../../blobs") / weights_digest);
  EXPECT_EQ(read_text_file(root / "refs" / "main"), revision);
}

TEST_F(LoopbackHub, WhatIsThereIsNotFetchedAgain) {
  pull_all();
  const int before = requests_;
  pull_all();
  EXPECT_EQ(requests_, before);
}

TEST_F(LoopbackHub, AnInterruptedFileGoesOnWhereItStopped) {
  const fs::path blobs = hub_.cache / "models--org--model" / "blobs";
  fs::create_directories(blobs);
  std::ofstream(blobs / (std::string(weights_digest) + ".incomplete")) << "0123";
  const fs::path folder = pull_all();
  EXPECT_EQ(range_, "bytes=4-");
  EXPECT_EQ(read_text_file(folder / "model.safetensors"), "0123456789");
}

TEST_F(LoopbackHub, AFileThatIsNotWhatWasListedIsNotKept) {
  contents_["model.safetensors"] = "0123456780";
  EXPECT_EQ(code_of_pull(), ErrorCode::corrupt_file);
  contents_["model.safetensors"] = "01234567890";
  EXPECT_EQ(code_of_pull(), ErrorCode::corrupt_file);
  contents_["model.safetensors"] = "012";
  EXPECT_EQ(code_of_pull(), ErrorCode::corrupt_file);
  contents_["model.safetensors"] = "0123456789";
  EXPECT_EQ(read_text_file(pull_all() / "model.safetensors"), "0123456789");
}

TEST_F(LoopbackHub, NamesCannotLeaveTheFolder) {
  for (const char* name : {"../evil", "/etc/evil", "a/../../evil", "a\\b", ""}) {
    listing_["siblings"][0]["rfilename"] = name;
    EXPECT_EQ(code_of_pull(), ErrorCode::corrupt_file) << name;
  }
  EXPECT_THROW(check_repository("../org"), Error);
  EXPECT_THROW(check_repository("a/b/c"), Error);
}

TEST_F(LoopbackHub, MissingFilesAndRepositoriesAreSaidToBe) {
  contents_.erase("config.json");
  EXPECT_EQ(code_of_pull(), ErrorCode::not_found);
  EXPECT_THROW(list_repository(hub_, "org/other", "main"), Error);
}

TEST_F(LoopbackHub, TheTokenIsSent) {
  hub_.token = "secret";
  list_repository(hub_, "org/model", "main");
  EXPECT_EQ(authorization_, "Bearer secret");
}

TEST_F(LoopbackHub, RemovingFreesTheBytes) {
  pull_all();
  EXPECT_EQ(remove_repository(hub_, "org/model"), 12 + 40);
  EXPECT_FALSE(fs::exists(hub_.cache / "models--org--model"));
  EXPECT_THROW(remove_repository(hub_, "org/model"), Error);
}

TEST(Hub, OneFormOfTheWeightsIsEnough) {
  const auto names = [](const std::vector<std::string>& all) {
    std::vector<HubFile> files;
    for (const std::string& name : all) files.push_back({.name = name, .size = 1, .blob = "a"});
    std::vector<std::string> kept;
    for (const HubFile& file : needed_files(files)) kept.push_back(file.name);
    return kept;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names({"config.json", "model.safetensors", "pytorch_model.bin",
                   "original/a.safetensors", "tf_model.h5", "vocab.txt", "onnx/model.onnx"}),
            (Names{"config.json", "model.safetensors", "vocab.txt"}));
  EXPECT_EQ(names({"config.json", "pytorch_model.bin", "training_args.bin"}),
            (Names{"config.json", "pytorch_model.bin"}));
}

}  // namespace
}  // namespace medlar::hub
