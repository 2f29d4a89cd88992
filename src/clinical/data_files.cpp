#include "clinical/data_files.h"

namespace medlar::clinical {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::vector<std::string_view> split_trimmed(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(separator, begin);
    parts.push_back(trimmed(text.substr(begin, end - begin)));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::vector<std::string_view> data_lines(std::string_view text) {
  std::vector<std::string_view> lines = split_trimmed(text, '\n');
  std::erase_if(lines, [](std::string_view line) { return line.empty() || line.front() == '#'; });
  return lines;
}

}  // namespace medlar::clinical
