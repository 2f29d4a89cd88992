#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace medlar::clinical {

/// An annotation of a PubTator file.
struct PubtatorMention {
  std::string text;
  std::string type;
  std::vector<std::string> codes;  ///< several where any of them, or all together, are meant
};

struct PubtatorDocument {
  std::string id;
  std::string title;
  std::string abstract;
  std::vector<PubtatorMention> mentions;
};

/// Documents of a PubTator file: "id|t|title", "id|a|abstract", then tab-separated annotations (id,
/// begin, end, text, type, code); relations are passed over. Throws corrupt_file with the line.
std::vector<PubtatorDocument> read_pubtator(std::string_view text, const std::string& source);

}  // namespace medlar::clinical
