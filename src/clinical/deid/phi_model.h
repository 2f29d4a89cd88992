#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "clinical/document.h"
#include "clinical/span.h"
#include "runtime/runner.h"
#include "runtime/text_runs.h"

namespace medlar::clinical {

/// A token classifier of what identifies, such as medlar-deid, loaded and ready. Threads may share
/// it; they take turns.
class PhiModel {
 public:
  /// `progress` is told of windows and may throw to stop. Throws as runtime::open_model and
  /// tokenizer_of do.
  explicit PhiModel(
      const std::filesystem::path& model, const runtime::RunnerOptions& options = {},
      runtime::OnProgress progress = [](i64, i64) {});
  PhiModel(const PhiModel&) = delete;
  PhiModel& operator=(const PhiModel&) = delete;
  ~PhiModel();

  /// Its file's name without the ending.
  const std::string& name() const { return name_; }

  /// Spans by their begin, those that `sifted` lets pass. Throws unsupported for a model that
  /// labels no tokens.
  std::vector<Span> find(const Document& note) const;

 private:
  struct Parts;

  std::string name_;
  std::unique_ptr<Parts> parts_;
};

/// What of a model's spans may stand: whole words, labels of i2b2-2014, and nothing that their form
/// refutes (a number without a digit, a year alone, an age below 90, an eponym before "disease",
/// a medicine). Scores end below those of rules with a check digit or context, so that these name
/// the kind where both find it.
std::vector<Span> sifted(const Document& note, std::vector<Span> spans);

}  // namespace medlar::clinical
