// include/medlar/clinical.h over the rules and, if one is opened, a model.
#include <utility>

#include "clinical/analysis.h"
#include "clinical/classifier.h"
#include "medlar/clinical.h"
#include "runtime/public_errors.h"

namespace medlar {
struct ClinicalReader::Parts {
  clinical::Analyzer analyzer;
  std::unique_ptr<clinical::Classifier> classifier;
};

ClinicalReader::ClinicalReader(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ClinicalReader::ClinicalReader(ClinicalReader&&) noexcept = default;
ClinicalReader& ClinicalReader::operator=(ClinicalReader&&) noexcept = default;
ClinicalReader::~ClinicalReader() = default;

ClinicalReader::ClinicalReader() : parts_(std::make_unique<Parts>(clinical::Analyzer(), nullptr)) {}

ClinicalReader ClinicalReader::open(const std::filesystem::path& model,
                                    const EngineOptions& options) {
  return translated([&] {
    return ClinicalReader(std::make_unique<Parts>(
        clinical::Analyzer(clinical::Linking::by_similarity),
        std::make_unique<clinical::Classifier>(model, clinical::runner_options(options))));
  });
}

std::vector<ClinicalSpan> ClinicalReader::analyze(std::string_view text,
                                                  const ClinicalOptions& options) const {
  return translated([&] {
    const clinical::Document note{std::string(text)};
    std::vector<clinical::Span> found;
    if (parts_->classifier) found = parts_->classifier->spans(note);
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
