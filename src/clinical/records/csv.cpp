#include "clinical/records/records.h"

namespace medlar::clinical {
namespace {

/// One cell of RFC 4180 at `at`; `end` stands at the comma, the line end or the end of the file.
struct Cell {
  text::ByteRange range;
  std::string text;
  std::size_t end = 0;
};

Cell cell_at(const std::string& file, std::size_t at) {
  Cell cell;
  std::size_t end = at;
  if (end < file.size() && file[end] == '"') {
    for (++end; end < file.size(); ++end) {
      if (file[end] == '"') {
        if (end + 1 >= file.size() || file[end + 1] != '"') break;
        ++end;
      }
      cell.text += file[end];
    }
    if (end < file.size()) ++end;
  }
  while (end < file.size() && file[end] != ',' && file[end] != '\n' && file[end] != '\r')
    cell.text += file[end++];
  cell.range = {static_cast<i64>(at), static_cast<i64>(end)};
  cell.end = end;
  return cell;
}

}  // namespace

std::vector<Field> csv_fields(const std::string& file) {
  std::vector<Field> fields;
  std::vector<std::string> labels;  // of the columns
  bool header = true;
  std::size_t column = 0;
  for (std::size_t at = 0; at < file.size();) {
    Cell cell = cell_at(file, at);
    const bool is_heading = header && !label_of_name(cell.text).empty();
    if (header) labels.push_back(label_of_name(cell.text));
    if (!is_heading && !cell.text.empty()) {
      const bool labelled = !header && column < labels.size();
      fields.push_back({.range = cell.range,
                        .text = std::move(cell.text),
                        .label = labelled ? labels[column] : std::string(),
                        .coding = Coding::csv});
    }
    at = cell.end;
    ++column;
    if (at >= file.size()) break;
    if (file[at] != ',') {
      header = false;
      column = 0;
      while (at < file.size() && (file[at] == '\n' || file[at] == '\r')) ++at;
    } else {
      ++at;
    }
  }
  return fields;
}

}  // namespace medlar::clinical
