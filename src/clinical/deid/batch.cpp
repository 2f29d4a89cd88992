#include "clinical/deid/batch.h"

#include <algorithm>

#include "base/error.h"
#include "clinical/deid/secret.h"
#include "clinical/records/folder_walk.h"
#include "clinical/records/records.h"
#include "formats/pending_file.h"

namespace medlar::clinical {
namespace {

namespace fs = std::filesystem;

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

class FolderRun {
 public:
  FolderRun(const Deidentifier& deidentifier, const FolderJob& job)
      : deidentifier_(deidentifier),
        job_(job),
        result_{DeidReport(deidentifier.options()), {}, 0, 0} {}

  FolderResult run() {
    walk_folder({.input = job_.input,
                 .output = job_.output,
                 .journal = "spans.jsonl",
                 .resume = resume(),
                 .between_files = job_.between_files},
                {.process = [this](const fs::path& file,
                                   const std::string& bytes) { return process(file, bytes); },
                 .count = [this](const Json& entry) { count(entry); }});
    formats::write_file(job_.output / "report.json", result_.report.json().dump(2) + "\n");
    formats::write_file(job_.output / "report.html", result_.report.html());
    return std::move(result_);
  }

 private:
  /// Tokens of a mapping are in the files' texts, so with one everything is done again.
  Resume resume() const {
    if (!job_.resume) return Resume::no;
    return deidentifier_.options().reversible ? Resume::at_start : Resume::at_journal;
  }

  Json process(const fs::path& path, const std::string& bytes) {
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
              {"input_sha256", file_digest(bytes)},
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
  return "doc-" + file_digest(bytes).substr(0, 12) + name.extension().string();
}

}  // namespace medlar::clinical
