#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "clinical/document.h"
#include "clinical/span.h"
#include "comm/comm.h"
#include "formats/checkpoint.h"
#include "medlar/types.h"
#include "runtime/encoder_runs.h"
#include "runtime/runner.h"
#include "text/tokenizer.h"

namespace medlar::clinical {

/// What a runner is made with for a program's own options.
runtime::RunnerOptions runner_options(const EngineOptions& options);

/// An open token classifier with what it needs. Threads may share it: those that run it wait for
/// one another.
class Classifier {
 public:
  /// `progress` is told of windows and may throw to stop. Throws as runtime::open_model,
  /// tokenizer_of and Runner do.
  explicit Classifier(
      const std::filesystem::path& model, const runtime::RunnerOptions& options = {},
      runtime::OnProgress progress = [](i64, i64) {});

  /// As model_spans.
  std::vector<Span> spans(const Document& note);
  /// As runtime::find_entities.
  std::vector<text::Entity> entities(const Document& note, const runtime::EntityRequest& request);

  /// Its file's name without the ending.
  const std::string& name() const { return name_; }

 private:
  formats::Checkpoint checkpoint_;
  text::Tokenizer tokenizer_;
  std::unique_ptr<comm::Comm> comm_;
  runtime::Runner runner_;
  runtime::OnProgress progress_;
  std::string name_;
  std::mutex running_;  ///< held while the runner works
};

}  // namespace medlar::clinical
