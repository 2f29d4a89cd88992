#pragma once

#include <filesystem>
#include <string>

#include "clinical/records/notes.h"
#include "command.h"
#include "note_reader.h"

namespace medlar::cli {

/// Files and folders of notes.
struct NoteJob {
  std::filesystem::path input;
  std::filesystem::path out;  ///< file or folder; empty: stdout
  std::string format;
  clinical::NoteColumns columns;
  bool resume = false;
};

/// One file, of whatever format; several notes in it follow one another where the output's format
/// allows, otherwise `out` is a folder for them.
Result analyze_file(const NoteReader& reader, const NoteJob& job, const Console& console);

/// A folder into another: for each note a file of the format, and journal.jsonl with what became of
/// each input.
Result analyze_folder(NoteReader& reader, const NoteJob& job, const Console& console);

}  // namespace medlar::cli
