#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

/// HL7 version 2: segments of fields by the delimiters of MSH (HL7 v2.5.1, chapter 2.5).
namespace medlar::clinical {

struct Hl7Delimiters {
  char field = '|';
  char component = '^';
  char repetition = '~';
  char escape = '\\';
  char subcomponent = '&';
};

/// Section 2.7 backwards; other escapes stay as they are.
std::string hl7_unescaped(std::string_view text, const Hl7Delimiters& d);

/// A segment: its name and its place in the file, without MLLP's frame and the line end.
struct Hl7Segment {
  std::string_view name;
  std::size_t begin = 0;
  std::size_t end = 0;
  Hl7Delimiters delimiters;
  bool header = false;  ///< MSH, FHS or BHS, whose first field is the separator
};

/// Throws corrupt_file for what is no segment, with its place.
std::vector<Hl7Segment> hl7_segments(std::string_view file, const std::string& source);

}  // namespace medlar::clinical
