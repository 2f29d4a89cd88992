#include "clinical/records/notes.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "clinical/csv.h"
#include "clinical/deid/lexicon.h"
#include "clinical/records/records.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

constexpr std::array<std::string_view, 8> text_columns = {
    "text", "note", "note_text", "report", "narrative", "body", "section_text", "content"};
constexpr std::array<std::string_view, 5> id_columns = {"id", "note_id", "encounter_id", "row_id",
                                                        "document_id"};

/// The place of the column that was asked for, or of the first with one of the usual names.
template <std::size_t count>
std::optional<std::size_t> column_of(const std::vector<std::string>& header,
                                     const std::string& wanted,
                                     const std::array<std::string_view, count>& usual) {
  const auto place = [&](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::ranges::find_if(
        header, [&](const std::string& one) { return folded(one) == folded(name); });
    if (found == header.end()) return {};
    return static_cast<std::size_t>(found - header.begin());
  };
  if (!wanted.empty()) return place(wanted);
  for (const std::string_view name : usual) {
    if (const auto found = place(name)) return found;
  }
  return {};
}

std::vector<RecordNote> csv_notes(const std::string& file, const std::string& source,
                                  const NoteColumns& columns) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  std::string_view text = file;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  CsvReader rows(text, ',', source);
  const std::vector<std::string> header = rows.next().value_or(std::vector<std::string>());
  const auto body = column_of(header, columns.text, text_columns);
  if (!body)
    fail(ErrorCode::invalid_argument, "{}: no column {} of notes among its {}; name it by --column",
         source, columns.text.empty() ? "\"text\"" : "\"" + columns.text + "\"", header.size());
  const auto id = column_of(header, columns.id, id_columns);
  std::vector<RecordNote> notes;
  for (i64 number = 1; auto row = rows.next(); ++number) {
    if (row->size() <= *body)
      fail(ErrorCode::corrupt_file, "{}: row {} has {} fields, the header {}", source, number,
           row->size(), header.size());
    notes.push_back({.id = id && *id < row->size() ? (*row)[*id] : std::to_string(number),
                     .text = std::move((*row)[*body])});
  }
  return notes;
}

/// An object {"id", "text"}, as filters take it; nothing for another.
std::optional<RecordNote> note_of_object(const Json& object, i64 number) {
  if (!object.is_object() || !object.contains("text") || !object["text"].is_string()) return {};
  const Json id = object.value("id", Json(number));
  return RecordNote{.id = id.is_string() ? id.get<std::string>() : id.dump(),
                    .text = object["text"].get<std::string>()};
}

std::vector<RecordNote> json_notes(const Json& json, const std::string& source, i64 number) {
  if (json.is_object() && json.contains("resourceType")) return fhir_notes(json);
  std::vector<RecordNote> notes;
  for (const Json& one : json.is_array() ? json : Json::array({json})) {
    std::optional<RecordNote> note = note_of_object(one, number++);
    if (!note)
      fail(ErrorCode::corrupt_file, "{}: value {} is no object with a string \"text\"", source,
           number - 1);
    notes.push_back(std::move(*note));
  }
  return notes;
}

std::vector<RecordNote> json_lines_notes(const std::string& file, const std::string& source) {
  std::vector<RecordNote> notes;
  i64 number = 1;
  for (std::size_t at = 0; at < file.size(); ++number) {
    const std::size_t end = std::min(file.find('\n', at), file.size());
    const std::string_view line = std::string_view(file).substr(at, end - at);
    at = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    std::ranges::move(json_notes(parse_json(line, source), source, number),
                      std::back_inserter(notes));
  }
  return notes;
}

}  // namespace

std::vector<RecordNote> notes_of(const std::string& bytes, const std::filesystem::path& name,
                                 const NoteColumns& columns) {
  const RecordFormat format = record_format(name, bytes);
  const std::string source = name.filename().string();
  if (is_extracted(format)) return {{.id = "", .text = extracted_text(bytes, format, source)}};
  // XML says its encoding itself; the names of columns are read before any note is.
  if (format != RecordFormat::xml) text::check_utf8(bytes);
  switch (format) {
    case RecordFormat::json:
      return json_notes(parse_json(bytes, source), source, 1);
    case RecordFormat::json_lines:
      return json_lines_notes(bytes, source);
    case RecordFormat::csv:
      return csv_notes(bytes, source, columns);
    case RecordFormat::hl7:
      return hl7_notes(bytes, source);
    case RecordFormat::xml:
      return ccda_notes(bytes, source);
    default:
      return {{.id = "", .text = bytes}};
  }
}

}  // namespace medlar::clinical
