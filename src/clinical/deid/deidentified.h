#pragma once

#include <string>
#include <utility>

namespace medlar::clinical {

/// Text from which everything was taken that its policy hides. Only Deidentifier makes one, so what
/// takes a Deidentified (an exporter, a log, a remote system) cannot be given a record by mistake:
/// it does not compile.
class Deidentified {
 public:
  const std::string& text() const { return text_; }

 private:
  friend class Deidentifier;
  explicit Deidentified(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace medlar::clinical
