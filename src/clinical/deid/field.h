#pragma once

#include <string>
#include <vector>

#include "text/byte_range.h"

namespace medlar::clinical {

/// How a piece of text is written inside its file.
enum class Coding { plain, json, xml, csv, hl7, json_number, base64_json, base64_xml };

/// A piece of a file that people wrote or that names somebody. What lies outside all fields is
/// structure and copied as it is.
struct Field {
  text::ByteRange range;  ///< of the file, as it is written there
  std::string text;       ///< decoded
  std::string label;      ///< what the whole field is (PATIENT, DATE, ...); empty: free text
  Coding coding = Coding::plain;
};

/// `text` as it is written in a file of that coding.
std::string encoded(const std::string& text, Coding coding);

}  // namespace medlar::clinical
