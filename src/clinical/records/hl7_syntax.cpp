#include "clinical/records/hl7_syntax.h"

#include "base/error.h"

namespace medlar::clinical {

std::string hl7_unescaped(std::string_view text, const Hl7Delimiters& d) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t end =
        text[at] == d.escape ? text.find(d.escape, at + 1) : std::string_view::npos;
    if (end == std::string_view::npos || end - at > 8) {
      result += text[at];
      continue;
    }
    const std::string_view code = text.substr(at + 1, end - at - 1);
    if (code == "F")
      result += d.field;
    else if (code == "S")
      result += d.component;
    else if (code == "T")
      result += d.subcomponent;
    else if (code == "R")
      result += d.repetition;
    else if (code == "E")
      result += d.escape;
    else if (code == ".br")
      result += '\n';
    else
      result += text.substr(at, end - at + 1);
    at = end;
  }
  return result;
}

std::vector<Hl7Segment> hl7_segments(std::string_view file, const std::string& source) {
  std::vector<Hl7Segment> segments;
  Hl7Delimiters delimiters;
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t end = std::min(file.find_first_of("\r\n", at), file.size());
    std::size_t begin = at;
    at = end + 1;
    while (begin < end && static_cast<u8>(file[begin]) < 0x20) ++begin;  // MLLP's frame
    if (end - begin < 4) continue;
    const std::string_view name = file.substr(begin, 3);
    const bool header = name == "MSH" || name == "FHS" || name == "BHS";
    if (header) {
      if (end - begin < 8)
        fail(ErrorCode::corrupt_file, "{}: the header segment at byte {} is cut short", source,
             begin);
      delimiters = {file[begin + 3], file[begin + 4], file[begin + 5], file[begin + 6],
                    file[begin + 7]};
    }
    if (file[begin + 3] != delimiters.field)
      fail(ErrorCode::corrupt_file, "{}: no segment at byte {}", source, begin);
    segments.push_back({name, begin, end, delimiters, header});
  }
  return segments;
}

}  // namespace medlar::clinical
