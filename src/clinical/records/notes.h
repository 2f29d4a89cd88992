#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace medlar::clinical {

/// A text that somebody wrote, taken out of the file that holds it.
struct RecordNote {
  std::string
      id;  ///< inside the file: "DocumentReference/17", a row's id, "2"; "" for a whole file
  std::string text;
};

/// Which notes of a table are meant.
struct NoteColumns {
  std::string text = {};  ///< a column's name; "": the first that is called text, note, report, ...
  std::string id =
      {};  ///< a column's name; "": one that is called id, note_id, ..., else row numbers
};

/// The notes of a file, by its format (see records.h):
///   text, DOCX, PDF  the whole
///   HL7 v2   one for each message: its text results (OBX of type TX, FT, ST, ED), its notes (NTE),
///   and
///            its measured values as lines "name value unit (range)"
///   C-CDA    one: the narrative of its sections under their titles
///   FHIR R4  attachments, narratives of Compositions, annotations, conclusions
///   JSON lines, JSON arrays   each object's "text"
///   CSV      a column
/// Throws corrupt_file for broken syntax and invalid_argument for a column that is not there, with
/// the place and without the text.
std::vector<RecordNote> notes_of(const std::string& bytes, const std::filesystem::path& name,
                                 const NoteColumns& columns = {});

std::vector<RecordNote> hl7_notes(const std::string& file, const std::string& source);
std::vector<RecordNote> ccda_notes(const std::string& file, const std::string& source);
std::vector<RecordNote> fhir_notes(const Json& resource);

}  // namespace medlar::clinical
