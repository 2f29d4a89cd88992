#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_range.h"

namespace medlar::clinical {

/// An attribute as it stands in the file, between its quotes.
struct XmlAttribute {
  std::string name;
  std::string value;
  text::ByteRange range;
};

/// What read_xml tells, in the order of the file. `path` holds the local names of the elements that
/// are open, the innermost last.
struct XmlEvents {
  std::function<void(const std::vector<std::string>& path, const std::vector<XmlAttribute>&)> start;
  std::function<void(const std::vector<std::string>& path)> end;
  std::function<void(const std::vector<std::string>& path, std::string text, text::ByteRange)> text;
};

/// Reads XML by expat. Throws corrupt_file with line and column, unsupported for another encoding
/// than UTF-8 or ASCII or a document type with entities, limit_exceeded beyond depth 256.
void read_xml(std::string_view file, const std::string& source, const XmlEvents& events);

}  // namespace medlar::clinical
