#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clinical/phrases.h"

namespace medlar::clinical {

/// A part of a note under one heading.
struct Section {
  std::string name;   ///< canonical, "past_medical_history"; "" before any heading, "other" for one
                      ///< that is not in the list
  ByteRange heading;  ///< without its colon; empty before any heading
  ByteRange body;     ///< up to the next heading
};

/// Finds headings of admission, discharge, progress, radiology, pathology and SOAP notes
/// (data/sections.txt): at the begin of a line with a colon behind or alone on it, and inside a
/// line in capitals with a colon behind. Canonical names follow medspaCy's. Immutable, so safe to
/// share between threads.
class SectionFinder {
 public:
  SectionFinder();

  /// The sections in order; together with their headings they cover the text.
  std::vector<Section> find(std::string_view text) const;

 private:
  struct Heading {
    i64 name = -1;  ///< -1: not in the list
    ByteRange range;
    i64 body = 0;  ///< where what it heads begins
  };

  Heading heading_of_line(std::string_view text, ByteRange line) const;
  Heading known_heading(std::string_view text, i64 begin, i64 line_end) const;
  void headings_inside(std::string_view text, ByteRange line, std::vector<Heading>& found) const;

  std::vector<std::string> names_;
  PhraseTable headings_;
};

}  // namespace medlar::clinical
