#include "clinical/deid/batch.h"

#include <algorithm>
#include <fstream>
#include <span>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "clinical/deid/secret.h"
#include "clinical/records/records.h"
#include "formats/pending_file.h"

namespace medlar::clinical {
namespace {

namespace fs = std::filesystem;

constexpr const char* journal_name = "spans.jsonl";

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string digest(const std::string& bytes) { return sha256_hex(std::as_bytes(std::span(bytes))); }

/// A part of a path with its separators as spaces, so that "Anna_Smith" is read as a name.
bool may_identify(const Deidentifier& deidentifier, const std::string& part) {
  std::string words = part;
  for (char& c : words) {
    if (c == '_' || c == '-' || c == '.' || c == '+') c = ' ';
  }
  const DeidResult result = deidentifier.run(Document(words));
  return std::any_of(result.redactions.begin(), result.redactions.end(), [](const Redaction& r) {
    constexpr float unsure = 0.5F;  // a word of no dictionary is no name yet
    return r.action != "keep" && r.span.score > unsure;
  });
}

fs::path safe_folder(const Deidentifier& deidentifier, const fs::path& folder) {
  fs::path result;
  for (const fs::path& part : folder) {
    const std::string name = part.string();
    result /= may_identify(deidentifier, name)
                  ? "folder-" + hex(hmac_sha256(deidentifier.options().key, name)).substr(0, 12)
                  : name;
  }
  return result;
}

/// Lines of a journal that are whole, each with its digest of the input.
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

class FolderRun {
 public:
  FolderRun(const Deidentifier& deidentifier, const FolderJob& job)
      : deidentifier_(deidentifier),
        job_(job),
        result_{DeidReport(deidentifier.options()), {}, 0, 0} {}

  FolderResult run() {
    check();
    fs::create_directories(job_.output);
    const std::vector<fs::path> files = files_in(job_.input);
    std::size_t next = take_over(files);
    std::ofstream journal(job_.output / journal_name, std::ios::binary | std::ios::app);
    for (; next < files.size(); ++next) {
      job_.between_files();
      const Json entry = process(files[next]);
      count(entry);
      journal << line_of(entry) << std::flush;
      if (!journal) fail(ErrorCode::io, "cannot write {}", journal_name);
    }
    formats::write_file(job_.output / "report.json", result_.report.json().dump(2) + "\n");
    formats::write_file(job_.output / "report.html", result_.report.html());
    return std::move(result_);
  }

 private:
  void check() const {
    if (!fs::is_directory(job_.input)) fail(ErrorCode::not_found, "the input is no folder");
    const fs::path in = fs::weakly_canonical(job_.input);
    const fs::path out = fs::weakly_canonical(job_.output);
    const auto [end, ignored] = std::mismatch(in.begin(), in.end(), out.begin(), out.end());
    if (end == in.end())
      fail(ErrorCode::usage, "--out lies inside the input folder; choose another");
    if (!job_.resume && fs::exists(out) && !fs::is_empty(out))
      fail(ErrorCode::usage, "--out is not empty; --resume goes on with it");
  }

  /// Entries of the journal whose inputs are still the same, in order; gives the first file to do.
  /// Tokens of a mapping are in the files' texts, so with one everything is done again.
  std::size_t take_over(const std::vector<fs::path>& files) {
    std::vector<Json> entries;
    if (job_.resume && !deidentifier_.options().reversible)
      entries = read_journal(job_.output / journal_name);
    std::size_t done = 0;
    std::string kept;
    while (done < entries.size() && done < files.size() &&
           entries[done].value("input_sha256", "") == digest(read_text_file(files[done]))) {
      count(entries[done]);
      kept += line_of(entries[done]);
      ++done;
    }
    formats::write_file(job_.output / journal_name, kept);
    return done;
  }

  Json process(const fs::path& path) {
    const std::string bytes = read_text_file(path);
    const fs::path relative = path.lexically_relative(job_.input);
    const fs::path name = safe_folder(deidentifier_, relative.parent_path()) /
                          safe_name(deidentifier_, relative, bytes);
    try {
      FileResult done = deidentify_file(deidentifier_, bytes, path);
      const fs::path target = job_.output / (name.string() + done.ending);
      fs::create_directories(target.parent_path());
      formats::write_file(target, done.result.text.text());
      result_.mapping.merge(done.result.mapping);
      return document_entry(name.string(), bytes, done.result);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::io || error.code() == ErrorCode::cancelled) throw;
      return {{"name", name.string()},
              {"input_sha256", digest(bytes)},
              {"error", name_of(error.code())}};
    }
  }

  void count(const Json& entry) {
    ++result_.files;
    if (entry.contains("error")) ++result_.failed;
    result_.report.add(entry);
  }

  const Deidentifier& deidentifier_;
  const FolderJob& job_;
  FolderResult result_;
};

}  // namespace

FileResult deidentify_file(const Deidentifier& deidentifier, const std::string& bytes,
                           const fs::path& name) {
  const RecordFormat format = record_format(name, bytes);
  const std::string source = "the file";  // its name may identify
  if (format == RecordFormat::text) return {deidentifier.run(Document(bytes)), ""};
  if (is_extracted(format))
    return {deidentifier.run(Document(extracted_text(bytes, format, source))), ".txt"};
  return {deidentifier.run(bytes, fields_of(bytes, format, source)), ""};
}

FolderResult deidentify_folder(const Deidentifier& deidentifier, const FolderJob& job) {
  return FolderRun(deidentifier, job).run();
}

std::string safe_name(const Deidentifier& deidentifier, const fs::path& name,
                      const std::string& bytes) {
  if (!may_identify(deidentifier, name.stem().string())) return name.filename().string();
  return "doc-" + digest(bytes).substr(0, 12) + name.extension().string();
}

}  // namespace medlar::clinical
