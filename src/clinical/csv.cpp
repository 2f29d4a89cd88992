#include "clinical/csv.h"

#include "base/error.h"

namespace medlar::clinical {

/// One field; stands on the separator or line end behind it afterwards.
std::string CsvReader::field() {
  std::string value;
  if (separator_ == '\t' || at_ >= text_.size() || text_[at_] != '"') {
    const std::size_t end =
        std::min(text_.find_first_of(separator_ == ',' ? ",\n" : "\t\n", at_), text_.size());
    value = text_.substr(at_, end - at_);
    if (value.ends_with('\r')) value.pop_back();
    at_ = end;
    return value;
  }
  const i64 opened = line_;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '\n') ++line_;
    if (text_[at_] != '"') {
      value += text_[at_];
    } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      value += '"';
      ++at_;
    } else {
      ++at_;
      while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n') ++at_;
      return value;
    }
  }
  fail(ErrorCode::corrupt_file, "{} line {}: a quote is not closed", source_, opened);
}

std::optional<std::vector<std::string>> CsvReader::next() {
  while (at_ < text_.size()) {
    std::vector<std::string> row;
    for (;;) {
      row.push_back(field());
      const bool goes_on = at_ < text_.size() && text_[at_] == separator_;
      ++at_;
      if (!goes_on) break;
    }
    ++line_;
    if (row.size() > 1 || !row.front().empty()) return row;
  }
  return {};
}

}  // namespace medlar::clinical
