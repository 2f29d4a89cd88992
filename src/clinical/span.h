#pragma once

#include <map>
#include <string>

#include "text/byte_range.h"

namespace medlar::clinical {

/// Something found in a document: what it is, where, how sure, and by what it was found.
struct Span {
  text::ByteRange range;
  std::string label;     ///< "disease", "chemical", "PATIENT", ...
  float score = 1.0F;    ///< in [0, 1]; 1 for a rule without doubt
  std::string producer;  ///< "rule:ssn", "model:medlar-ner", ...
  std::string evidence;  ///< why it was found, without text of the document; may be empty
  /// What is known beyond the kind: "assertion", "section", "code", "dose", ...
  std::map<std::string, std::string> attributes = {};
};

}  // namespace medlar::clinical
