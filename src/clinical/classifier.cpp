#include "clinical/classifier.h"

#include "base/threads.h"
#include "clinical/model_spans.h"
#include "runtime/model_files.h"

namespace medlar::clinical {

runtime::RunnerOptions runner_options(const EngineOptions& options) {
  return {.isa = options.isa,
          .threads = options.threads > 0 ? options.threads : available_processors()};
}

Classifier::Classifier(const std::filesystem::path& model, const runtime::RunnerOptions& options,
                       runtime::OnProgress progress)
    : checkpoint_(runtime::open_model(model)),
      tokenizer_(runtime::tokenizer_of(model)),
      comm_(comm::solo()),
      runner_(checkpoint_, *comm_, options),
      progress_(std::move(progress)),
      name_(model.stem().string()) {}

std::vector<Span> Classifier::spans(const Document& note) {
  const std::lock_guard lock(running_);
  return model_spans(runner_, tokenizer_, note, "model: " + name_, progress_);
}

std::vector<text::Entity> Classifier::entities(const Document& note,
                                               const runtime::EntityRequest& request) {
  const std::lock_guard lock(running_);
  return runtime::find_entities(runner_, tokenizer_, std::string(note.text()), request, progress_);
}

}  // namespace medlar::clinical
