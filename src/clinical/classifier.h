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
#include "runtime/runner.h"
#include "text/tokenizer.h"

namespace medlar::clinical {

/// An open token classifier with what it needs. Threads may share it: those that run it wait for
/// one another.
class Classifier {
 public:
  /// Throws as open_checkpoint, tokenizer_of and Runner do.
  Classifier(const std::filesystem::path& model, const EngineOptions& options);

  /// As model_spans.
  std::vector<Span> spans(const Document& note);
  /// What the spans have as theirs.
  const std::string& producer() const { return producer_; }

 private:
  formats::Checkpoint checkpoint_;
  text::Tokenizer tokenizer_;
  std::unique_ptr<comm::Comm> comm_;
  runtime::Runner runner_;
  std::string producer_;
  std::mutex running_;  ///< held while the runner works
};

}  // namespace medlar::clinical
