#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/json.h"

namespace medlar::clinical {

/// What a walk does with what an earlier one left in the output.
enum class Resume {
  no,          ///< refuses: the output must be empty
  at_journal,  ///< goes on where the journal ends; the result is the same byte for byte
  at_start,    ///< does everything again
};

/// A folder of files into another. Files are taken in the order of their names; the journal, a file
/// of the output, gets an entry for each, so that a walk that was broken off can be gone on with.
struct FolderWalk {
  std::filesystem::path input;
  std::filesystem::path output;
  std::string journal;  ///< its name
  Resume resume = Resume::no;
  /// The journal's first line, kept by a walk that goes on; null for none.
  Json header = nullptr;
  std::function<void()> between_files = [] {};  ///< may throw to stop
};

/// What is done with the files.
struct FolderSteps {
  /// With the journal's header, before anything else.
  std::function<void(const Json& header)> begin = [](const Json&) {};
  /// Writes what a file becomes; its entry, which holds file_digest(bytes) as "input_sha256".
  std::function<Json(const std::filesystem::path& file, const std::string& bytes)> process;
  /// Of every entry, taken over or new, in order.
  std::function<void(const Json& entry)> count = [](const Json&) {};
};

/// Throws not_found for an input that is no folder, usage where the output lies inside the input or
/// is not empty with Resume::no, io, and what a step throws.
void walk_folder(const FolderWalk& walk, const FolderSteps& steps);

/// SHA-256, in hexadecimal digits.
std::string file_digest(const std::string& bytes);

}  // namespace medlar::clinical
