#include "train/texts.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"

namespace medlar::train {
namespace {

namespace fs = std::filesystem;

bool is_jsonl(const fs::path& path) { return path.extension() == ".jsonl"; }

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && (is_jsonl(entry.path()) || entry.path().extension() == ".txt"))
      files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void add_paragraphs(const fs::path& path, std::vector<std::string>& texts) {
  std::string text;
  const auto finish = [&] {
    if (!text.empty()) texts.push_back(std::exchange(text, {}));
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorCode::not_found, "cannot read {}", path.string());
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) {
      finish();
    } else {
      text += (text.empty() ? "" : "\n") + line;
    }
  }
  finish();
}

[[noreturn]] void fail_empty(const fs::path& path) {
  fail(ErrorCode::invalid_argument, "{} holds no text", path.string());
}

}  // namespace

std::vector<Json> read_objects(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorCode::not_found, "cannot read {}", path.string());
  std::vector<Json> objects;
  i64 number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    objects.push_back(parse_json(line, fmt::format("{}:{}", path.string(), number)));
    if (!objects.back().is_object())
      fail(ErrorCode::corrupt_file, "{}:{}: no object", path.string(), number);
  }
  return objects;
}

std::string text_of(const Json& object, const char* key, const fs::path& path) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) return found->get<std::string>();
  if (found != object.end() && found->is_number_integer()) return found->dump();
  fail(ErrorCode::corrupt_file, "{}: an object without a text under \"{}\"", path.string(), key);
}

std::vector<std::string> read_texts(const fs::path& path) {
  std::vector<std::string> texts;
  for (const fs::path& file : files_of(path)) {
    if (is_jsonl(file)) {
      for (const Json& object : read_objects(file)) texts.push_back(text_of(object, "text", file));
    } else {
      add_paragraphs(file, texts);
    }
  }
  std::erase_if(texts, [](const std::string& text) { return text.empty(); });
  if (texts.empty()) fail_empty(path);
  return texts;
}

std::vector<LabelledText> read_labelled_texts(const fs::path& path) {
  std::vector<LabelledText> texts;
  for (const Json& object : read_objects(path))
    texts.push_back({text_of(object, "text", path), text_of(object, "label", path)});
  if (texts.empty()) fail_empty(path);
  return texts;
}

}  // namespace medlar::train
