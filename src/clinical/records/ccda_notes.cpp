// C-CDA 2.1: the narrative blocks of a document's sections, under their titles.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "clinical/records/notes.h"
#include "clinical/records/xml.h"

namespace medlar::clinical {
namespace {

using Path = std::vector<std::string>;

/// Elements of a narrative that end a line (HL7 CDA R2, section 4.3.5).
constexpr std::array<std::string_view, 8> lines = {"paragraph", "tr",      "item", "br",
                                                   "table",     "caption", "list", "title"};
constexpr std::array<std::string_view, 2> cells = {"td", "th"};

template <std::size_t count>
bool is_one_of(std::string_view element, const std::array<std::string_view, count>& names) {
  return std::ranges::find(names, element) != names.end();
}

/// Runs of blanks as one: narrative is laid out by elements, not by white space.
void append_folded(std::string& text, std::string_view piece) {
  for (const char c : piece) {
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank) {
      text += c;
    } else if (!text.empty() && text.back() != ' ' && text.back() != '\n') {
      text += ' ';
    }
  }
}

void end_line(std::string& text) {
  while (text.ends_with(' ')) text.pop_back();
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
}

void end_cell(std::string& text) {
  while (text.ends_with(' ')) text.pop_back();
  if (!text.empty() && text.back() != '\n') text += text.ends_with(" ;") ? " " : " ; ";
}

/// What of a section's narrative a path lies in.
enum class Part { none, title, narrative };

Part part_of(const Path& path) {
  for (std::size_t i = path.size(); i-- > 1;) {
    if (path[i - 1] != "section") continue;
    if (path[i] == "title") return Part::title;
    return path[i] == "text" ? Part::narrative : Part::none;
  }
  return Part::none;
}

}  // namespace

std::vector<RecordNote> ccda_notes(const std::string& file, const std::string& source) {
  std::string note;
  bool is_cda = false;
  const XmlEvents events = {
      .start =
          [&](const Path& path, const std::vector<XmlAttribute>&) {
            is_cda = is_cda || path[0] == "ClinicalDocument";
            if (part_of(path) == Part::title && !note.empty()) {
              end_line(note);
              note += '\n';
            }
          },
      .end =
          [&](const Path& path) {
            const Part part = part_of(path);
            if (part == Part::none) return;
            if (part == Part::title && path.back() == "title" && !note.ends_with(':')) note += ':';
            if (is_one_of(path.back(), cells)) end_cell(note);
            if (is_one_of(path.back(), lines)) end_line(note);
          },
      .text =
          [&](const Path& path, const std::string& piece, text::ByteRange) {
            if (part_of(path) != Part::none) append_folded(note, piece);
          }};
  read_xml(file, source, events);
  if (!is_cda) fail(ErrorCode::unsupported, "{}: XML that is no ClinicalDocument", source);
  end_line(note);
  return {{.id = "", .text = std::move(note)}};
}

}  // namespace medlar::clinical
