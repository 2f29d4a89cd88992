#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medlar/types.h"

namespace medlar {

/// Something found in a note.
struct ClinicalSpan {
  std::int64_t begin = 0;  ///< bytes of the text, UTF-8
  std::int64_t end = 0;
  std::string label;   ///< "disease", "symptom", "medication", "lab", "vital", "date", "age", or a
                       ///< model's own in small letters
  float score = 0.0f;  ///< in [0, 1]; 1 for a rule
  std::string producer;  ///< what found it
  /// What is known of it: "assertion" (present, negated, possible, historical, hypothetical,
  /// family), "section", "name", "code", "references", "dose", "value", "unit", "date", ...
  std::map<std::string, std::string> attributes;
};

struct ClinicalOptions {
  std::string note_date;  ///< ISO 8601 day that "3 days ago" counts from; "": a heading of the note
};

/// Reads clinical notes by rules and dictionaries, and by a token classifier if one is opened:
///
///     medlar::ClinicalReader reader;
///     for (const medlar::ClinicalSpan& span : reader.analyze("Denies chest pain."))
///       std::cout << span.label << " " << span.attributes.at("assertion") << "\n";
///
/// Many threads may use one reader at once; those that run a model wait for one another. A reader
/// that was moved from may only be destroyed or assigned to. Errors are EngineError.
class ClinicalReader {
 public:
  ClinicalReader();
  /// With a token classifier, as Engine::open takes models. Throws what that throws.
  static ClinicalReader open(const std::filesystem::path& model, const EngineOptions& options = {});

  ClinicalReader(ClinicalReader&&) noexcept;
  ClinicalReader& operator=(ClinicalReader&&) noexcept;
  ClinicalReader(const ClinicalReader&) = delete;
  ClinicalReader& operator=(const ClinicalReader&) = delete;
  ~ClinicalReader();

  /// The spans of a note by their begin, none over another. Throws invalid_argument for a text that
  /// is no UTF-8 or a date that is none, unsupported for a model that labels no tokens.
  std::vector<ClinicalSpan> analyze(std::string_view text,
                                    const ClinicalOptions& options = {}) const;

 private:
  struct Parts;
  explicit ClinicalReader(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace medlar
