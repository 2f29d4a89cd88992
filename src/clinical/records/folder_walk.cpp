#include "clinical/records/folder_walk.h"

#include <algorithm>
#include <fstream>
#include <span>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "formats/pending_file.h"

namespace medlar::clinical {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void check_folders(const FolderWalk& walk) {
  if (!fs::is_directory(walk.input)) fail(ErrorCode::not_found, "the input is no folder");
  const fs::path in = fs::weakly_canonical(walk.input);
  const fs::path out = fs::weakly_canonical(walk.output);
  const auto [end, ignored] = std::mismatch(in.begin(), in.end(), out.begin(), out.end());
  if (end == in.end()) fail(ErrorCode::usage, "--out lies inside the input folder; choose another");
  if (walk.resume == Resume::no && fs::exists(out) && !fs::is_empty(out))
    fail(ErrorCode::usage, "--out is not empty; --resume goes on with it");
}

/// Lines of a journal that are whole.
std::vector<Json> read_journal(const fs::path& path) {
  std::vector<Json> entries;
  if (!fs::exists(path)) return entries;
  const std::string text = read_text_file(path);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // cut short by the end of the program
    entries.push_back(parse_json(std::string_view(text).substr(at, end - at), path.string()));
    at = end + 1;
  }
  return entries;
}

std::string line_of(const Json& entry) { return entry.dump() + "\n"; }

/// What of a journal is taken over: the header, and the entries whose inputs are still the same.
struct Taken {
  Json header;
  std::vector<Json> entries;
};

Taken take_over(const FolderWalk& walk, const std::vector<fs::path>& files) {
  std::vector<Json> lines;
  if (walk.resume == Resume::at_journal) lines = read_journal(walk.output / walk.journal);
  Taken taken = {.header = walk.header, .entries = {}};
  std::size_t next = 0;
  if (!walk.header.is_null() && !lines.empty()) taken.header = lines[next++];
  for (std::size_t f = 0; next < lines.size() && f < files.size(); ++next, ++f) {
    if (lines[next].value("input_sha256", "") != file_digest(read_text_file(files[f]))) break;
    taken.entries.push_back(std::move(lines[next]));
  }
  return taken;
}

}  // namespace

void walk_folder(const FolderWalk& walk, const FolderSteps& steps) {
  check_folders(walk);
  fs::create_directories(walk.output);
  const std::vector<fs::path> files = files_in(walk.input);
  const Taken taken = take_over(walk, files);
  std::string kept = taken.header.is_null() ? "" : line_of(taken.header);
  for (const Json& entry : taken.entries) kept += line_of(entry);
  formats::write_file(walk.output / walk.journal, kept);
  steps.begin(taken.header);
  for (const Json& entry : taken.entries) steps.count(entry);
  std::ofstream journal(walk.output / walk.journal, std::ios::binary | std::ios::app);
  for (std::size_t f = taken.entries.size(); f < files.size(); ++f) {
    walk.between_files();
    const Json entry = steps.process(files[f], read_text_file(files[f]));
    steps.count(entry);
    journal << line_of(entry) << std::flush;
    if (!journal) fail(ErrorCode::io, "cannot write {}", walk.journal);
  }
}

std::string file_digest(const std::string& bytes) {
  return sha256_hex(std::as_bytes(std::span(bytes)));
}

}  // namespace medlar::clinical
