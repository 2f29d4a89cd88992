// HL7 version 2: the texts of results and notes (HL7 v2.5.1, 7.4.2 OBX, 2.15.10 NTE).
#include "clinical/records/hl7_syntax.h"
#include "clinical/records/notes.h"
#include "clinical/records/records.h"

namespace medlar::clinical {
namespace {

/// A segment's fields: [n] is field n of the standard.
std::vector<std::string_view> fields_in(std::string_view file, const Hl7Segment& segment) {
  std::vector<std::string_view> fields = {segment.name};
  for (std::size_t at = segment.begin + 4; at <= segment.end;) {
    const std::size_t stop = std::min(file.find(segment.delimiters.field, at), segment.end);
    fields.push_back(file.substr(at, stop - at));
    at = stop + 1;
  }
  return fields;
}

std::string_view part(std::string_view text, char separator, int number) {
  for (int i = 1; i < number; ++i) {
    const std::size_t end = text.find(separator);
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find(separator));
}

/// The text that an OBX holds, "" for a type that holds none.
std::string text_of_result(const std::vector<std::string_view>& obx, const Hl7Delimiters& d) {
  if (obx.size() < 6) return {};
  const std::string_view type = obx[2];
  const auto component = [&](std::size_t field, int number) {
    if (obx.size() <= field) return std::string();
    return hl7_unescaped(part(part(obx[field], d.repetition, 1), d.component, number), d);
  };
  if (type == "TX" || type == "FT" || type == "ST") {
    std::string text;
    for (const char c : obx[5]) text += c == d.repetition ? '\n' : c;
    return hl7_unescaped(text, d);
  }
  if (type == "ED") {  // source, type, subtype, encoding, data
    const std::string data = component(5, 5);
    std::string text = component(5, 4) == "Base64" ? base64_decoded(data) : data;
    return is_utf8(text) && text.find('\0') == std::string::npos ? text : "";
  }
  if (type == "NM" || type == "SN") {
    const std::string named = component(3, 2);
    std::string text = (named.empty() ? component(3, 1) : named) + " ";
    for (const char c : obx[5]) {
      if (c != d.component) text += c;  // a structured value: comparator, number, separator, number
    }
    if (const std::string unit = component(6, 1); !unit.empty()) text += " " + unit;
    if (const std::string range = component(7, 1); !range.empty()) text += " (" + range + ")";
    return text;
  }
  return {};
}

}  // namespace

std::vector<RecordNote> hl7_notes(const std::string& file, const std::string& source) {
  std::vector<RecordNote> notes;
  i64 messages = 0;
  for (const Hl7Segment& segment : hl7_segments(file, source)) {
    if (segment.name == "MSH") {
      ++messages;
      notes.push_back({.id = std::to_string(messages), .text = {}});
    }
    if (notes.empty() || (segment.name != "OBX" && segment.name != "NTE")) continue;
    const std::vector<std::string_view> fields = fields_in(file, segment);
    const std::string text = segment.name == "OBX" ? text_of_result(fields, segment.delimiters)
                             : fields.size() > 3   ? hl7_unescaped(fields[3], segment.delimiters)
                                                   : "";
    if (!text.empty()) notes.back().text += text + "\n";
  }
  std::erase_if(notes, [](const RecordNote& note) { return note.text.empty(); });
  return notes;
}

}  // namespace medlar::clinical
