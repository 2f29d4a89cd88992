// include/medlar/clinical.h over the rules and, if one is opened, a model.
#include <mutex>
#include <utility>

#include "base/threads.h"
#include "clinical/analysis.h"
#include "clinical/model_spans.h"
#include "medlar/clinical.h"
#include "runtime/model_files.h"
#include "runtime/public_errors.h"

namespace medlar {
namespace {

/// A token classifier with what it needs.
struct Classifier {
  Classifier(const std::filesystem::path& model, const EngineOptions& options)
      : checkpoint(formats::open_checkpoint(model)),
        tokenizer(runtime::tokenizer_of(model)),
        comm(comm::solo()),
        runner(checkpoint, *comm,
               {.isa = options.isa,
                .threads = options.threads > 0 ? options.threads : available_processors()}),
        producer("model: " + model.filename().string()) {}

  formats::Checkpoint checkpoint;
  text::Tokenizer tokenizer;
  std::unique_ptr<comm::Comm> comm;
  runtime::Runner runner;
  std::string producer;
  std::mutex running;  ///< held while the runner works
};

}  // namespace

struct ClinicalReader::Parts {
  clinical::Analyzer analyzer;
  std::unique_ptr<Classifier> classifier;
};

ClinicalReader::ClinicalReader(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ClinicalReader::ClinicalReader(ClinicalReader&&) noexcept = default;
ClinicalReader& ClinicalReader::operator=(ClinicalReader&&) noexcept = default;
ClinicalReader::~ClinicalReader() = default;

ClinicalReader::ClinicalReader() : parts_(std::make_unique<Parts>(clinical::Analyzer(), nullptr)) {}

ClinicalReader ClinicalReader::open(const std::filesystem::path& model,
                                    const EngineOptions& options) {
  return translated([&] {
    return ClinicalReader(
        std::make_unique<Parts>(clinical::Analyzer(clinical::Linking::by_similarity),
                                std::make_unique<Classifier>(model, options)));
  });
}

std::vector<ClinicalSpan> ClinicalReader::analyze(std::string_view text,
                                                  const ClinicalOptions& options) const {
  return translated([&] {
    const clinical::Document note{std::string(text)};
    std::vector<clinical::Span> found;
    if (parts_->classifier) {
      Classifier& classifier = *parts_->classifier;
      const std::lock_guard lock(classifier.running);
      found =
          clinical::model_spans(classifier.runner, classifier.tokenizer, note, classifier.producer);
    }
    std::vector<ClinicalSpan> spans;
    for (clinical::Span& span :
         parts_->analyzer.analyze(note, found, {.note_date = options.note_date}).spans) {
      spans.push_back({.begin = span.range.begin,
                       .end = span.range.end,
                       .label = std::move(span.label),
                       .score = span.score,
                       .producer = std::move(span.producer),
                       .attributes = std::move(span.attributes)});
    }
    return spans;
  });
}

}  // namespace medlar
