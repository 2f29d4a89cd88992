#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "text/byte_range.h"

namespace medlar::eval {

/// One identifying value of a reference set.
struct GoldSpan {
  text::ByteRange range;
  std::string kind;    ///< as the set names it: PERSON, NAME, ...
  int row = 0;         ///< of the eighteen of HIPAA that the kind belongs to; 0: none
  bool direct = true;  ///< one of the eighteen of HIPAA: not a country, an age below 90, a year
};

/// A text with everything in it that identifies.
struct GoldText {
  std::string text;
  std::vector<GoldSpan> spans;
};

/// Reads presidio-research's JSON (spans with offsets in code points), ASQ-PHI's text (blocks of
/// query and values, which are searched in the query), or .jsonl as train::read_jsonl does. Throws
/// corrupt_file for anything else.
std::vector<GoldText> read_deid_data(const std::filesystem::path& path);

}  // namespace medlar::eval
