#include "clinical/classifier.h"

#include "base/threads.h"
#include "clinical/model_spans.h"
#include "runtime/model_files.h"

namespace medlar::clinical {

Classifier::Classifier(const std::filesystem::path& model, const EngineOptions& options)
    : checkpoint_(formats::open_checkpoint(model)),
      tokenizer_(runtime::tokenizer_of(model)),
      comm_(comm::solo()),
      runner_(checkpoint_, *comm_,
              {.isa = options.isa,
               .threads = options.threads > 0 ? options.threads : available_processors()}),
      producer_("model: " + model.filename().string()) {}

std::vector<Span> Classifier::spans(const Document& note) {
  const std::lock_guard lock(running_);
  return model_spans(runner_, tokenizer_, note, producer_);
}

}  // namespace medlar::clinical
