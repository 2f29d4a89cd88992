#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "clinical/deid/deidentifier.h"
#include "clinical/deid/report.h"

namespace medlar::clinical {

/// One file, whatever its format.
struct FileResult {
  DeidResult result;
  std::string ending;  ///< that the output's name gets: ".txt" behind a DOCX or PDF, else empty
};

/// De-identifies the bytes of a file by its format (see records/records.h). Throws as
/// Deidentifier::run and the readers of the formats do.
FileResult deidentify_file(const Deidentifier& deidentifier, const std::string& bytes,
                           const std::filesystem::path& name);

/// A folder of files into another: the same tree, spans.jsonl (one line a file), report.json and
/// report.html. Files are taken in the order of their names. A file that fails has no output, and
/// its line says why. Names of files and folders that hold a name or a number are replaced.
struct FolderJob {
  std::filesystem::path input;
  std::filesystem::path output;
  bool resume = false;  ///< go on where spans.jsonl ends; the result is the same byte for byte
  std::function<void()> between_files = [] {};  ///< may throw to stop
};

struct FolderResult {
  DeidReport report;
  Mapping mapping;
  i64 files = 0;
  i64 failed = 0;
};

/// Throws usage where the output lies inside the input or is not empty and `resume` is not set.
FolderResult deidentify_folder(const Deidentifier& deidentifier, const FolderJob& job);

/// A file's name for reports: itself, or "doc-" and the begin of the digest where it may identify.
std::string safe_name(const Deidentifier& deidentifier, const std::filesystem::path& name,
                      const std::string& bytes);

}  // namespace medlar::clinical
