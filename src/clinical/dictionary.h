#pragma once

#include <span>
#include <string>
#include <vector>

#include "clinical/phrases.h"
#include "clinical/span.h"
#include "clinical/terminology.h"

namespace medlar::clinical {

/// Diseases of a terminology, and symptoms and signs (data/findings.txt), found by their names:
/// what reads a note where there is no model. Immutable, so safe to share between threads.
class Dictionary {
 public:
  explicit Dictionary(const Terminology& diseases);

  /// The names in the words of a sentence, longest first from the left, none over another. Spans
  /// have the attributes "name" and, where the terminology has it, "code" and "references".
  std::vector<Span> find(std::string_view text, std::span<const Word> words) const;

 private:
  struct Entry {
    std::string label;
    std::string name;
    std::string exact;  ///< the letters that it asks for; "" for any
    std::string code;
    std::string references;
  };

  void add(std::string_view phrase, Entry entry);
  void add_findings();

  PhraseTable table_;
  std::vector<Entry> entries_;
};

}  // namespace medlar::clinical
