#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/process.h"

/// The built program as its users meet it: words in, text and an exit code out.
namespace medlar::tests {

namespace fs = std::filesystem;

inline std::vector<std::string> command_of(std::vector<std::string> words) {
  words.insert(words.begin(), MEDLAR_CLI);
  return words;
}

inline ProcessResult medlar(const std::vector<std::string>& words, const std::string& input = "") {
  return run_process(command_of(words), input);
}

inline fs::path source(const std::string& path) { return fs::path(MEDLAR_SOURCE_DIR) / path; }
inline std::string stories() { return source("models/stories260K").string(); }

/// A path of the test's own at which nothing is.
inline std::string scratch(const std::string& name) {
  const fs::path path = fs::path(testing::TempDir()) / ("medlar_" + name);
  fs::remove_all(path);
  return path.string();
}

inline std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A folder for one test, removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "medlar-e2e-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

/// The envelope that --json prints: one object, on the last line.
inline Json envelope_of(const ProcessResult& result) {
  const std::size_t end = result.out.find_last_not_of('\n');
  const std::size_t begin = end == std::string::npos ? end : result.out.rfind('\n', end);
  const std::string line = result.out.substr(begin == std::string::npos ? 0 : begin + 1);
  Json envelope = Json::parse(line, nullptr, false);
  EXPECT_TRUE(envelope.is_object()) << "stdout: " << result.out << "\nstderr: " << result.err;
  return envelope.is_object() ? envelope : Json::object();
}

/// "data" of a verb run with --json that ended well.
inline Json data_of(std::vector<std::string> words, const std::string& input = "") {
  const std::string verb = words.front();
  words.emplace_back("--json");
  const ProcessResult result = medlar(words, input);
  EXPECT_EQ(result.exit_code, 0) << verb << ": " << result.out << result.err;
  const Json envelope = envelope_of(result);
  EXPECT_EQ(envelope.value("ok", false), true) << verb;
  EXPECT_TRUE(envelope.value("command", std::string()).starts_with(verb)) << verb;
  return envelope.value("data", Json::object());
}

/// "error"."code" of a verb run with --json that failed, and its exit code checked.
inline std::string error_code_of(std::vector<std::string> words, int exit_code,
                                 const std::string& input = "") {
  words.emplace_back("--json");
  const ProcessResult result = medlar(words, input);
  EXPECT_EQ(result.exit_code, exit_code) << words.front() << ": " << result.out << result.err;
  const Json envelope = envelope_of(result);
  EXPECT_EQ(envelope.value("ok", true), false);
  EXPECT_FALSE(envelope.value("/error/message"_json_pointer, std::string()).empty());
  return envelope.value("/error/code"_json_pointer, std::string());
}

}  // namespace medlar::tests
