#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace medlar::clinical {

/// Rows of separated values (RFC 4180): fields in quotes may hold separators, line ends and doubled
/// quotes. In files with tabs quotes are letters, as OMOP's vocabulary files have it. The text must
/// outlive the reader.
class CsvReader {
 public:
  CsvReader(std::string_view text, char separator, std::string source)
      : text_(text), separator_(separator), source_(std::move(source)) {}

  /// The next row that is not empty; nothing behind the last. Throws corrupt_file naming the line
  /// of a quote that is not closed.
  std::optional<std::vector<std::string>> next();

 private:
  std::string field();

  std::string_view text_;
  char separator_;
  std::string source_;
  std::size_t at_ = 0;
  i64 line_ = 1;
};

}  // namespace medlar::clinical
