#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "clinical/classifier.h"
#include "clinical/document.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// A token classifier of what identifies, such as medlar-deid. Threads may share it; they take
/// turns.
class PhiModel {
 public:
  /// As Classifier.
  explicit PhiModel(
      const std::filesystem::path& model, const runtime::RunnerOptions& options = {},
      runtime::OnProgress progress = [](i64, i64) {})
      : classifier_(model, options, std::move(progress)) {}

  const std::string& name() const { return classifier_.name(); }

  /// Spans by their begin, those that `sifted` lets pass. Throws unsupported for a model that
  /// labels no tokens.
  std::vector<Span> find(const Document& note) const;

 private:
  mutable Classifier classifier_;  // it changes nothing that a caller sees
};

/// What of a model's spans may stand: whole words, labels of i2b2-2014, and nothing that their form
/// refutes (a number without a digit, a year alone, an age below 90, an eponym before "disease",
/// a medicine). Scores end below those of rules with a check digit or context, so that these name
/// the kind where both find it.
std::vector<Span> sifted(const Document& note, std::vector<Span> spans);

}  // namespace medlar::clinical
