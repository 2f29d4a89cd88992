// include/medlar/deid.h over the rules and, if one is opened, a model.
#include <algorithm>
#include <utility>

#include "clinical/classifier.h"
#include "clinical/deid/deidentifier.h"
#include "clinical/deid/report.h"
#include "medlar/deid.h"
#include "runtime/public_errors.h"

namespace medlar {
namespace {

clinical::DeidOptions deid_options(const DeidOptions& options) {
  clinical::DeidOptions deid;
  deid.policy = clinical::policy_named(options.policy);
  deid.method =
      options.method.empty() ? deid.policy.method : clinical::method_named(options.method);
  deid.key = options.key;
  if (!options.site.empty()) deid.site = clinical::Site::from_json(options.site, "the site");
  return clinical::with_key(std::move(deid));
}

/// Labels of identifiers are in capitals, whatever the classifier's spelling.
std::vector<clinical::Span> found_by(clinical::Classifier* classifier,
                                     const clinical::Document& note) {
  if (classifier == nullptr) return {};
  std::vector<clinical::Span> spans = classifier->spans(note);
  for (clinical::Span& span : spans) {
    for (char& c : span.label) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return spans;
}

std::vector<Redaction> redactions_of(std::vector<clinical::Redaction> made) {
  std::vector<Redaction> redactions;
  redactions.reserve(made.size());
  for (clinical::Redaction& redaction : made) {
    redactions.push_back({.begin = redaction.span.range.begin,
                          .end = redaction.span.range.end,
                          .label = std::move(redaction.span.label),
                          .score = redaction.span.score,
                          .producer = std::move(redaction.span.producer),
                          .action = std::move(redaction.action),
                          .written_begin = redaction.written.begin,
                          .written_end = redaction.written.end});
  }
  return redactions;
}

}  // namespace

struct Deidentifier::Parts {
  clinical::Deidentifier deidentifier;
  std::unique_ptr<clinical::Classifier> classifier;
};

Deidentifier::Deidentifier(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Deidentifier::Deidentifier(Deidentifier&&) noexcept = default;
Deidentifier& Deidentifier::operator=(Deidentifier&&) noexcept = default;
Deidentifier::~Deidentifier() = default;

Deidentifier::Deidentifier(const DeidOptions& options)
    : parts_(translated([&] {
        return std::make_unique<Parts>(clinical::Deidentifier(deid_options(options)), nullptr);
      })) {}

Deidentifier Deidentifier::open(const std::filesystem::path& model, const DeidOptions& options,
                                const EngineOptions& engine) {
  return translated([&] {
    return Deidentifier(
        std::make_unique<Parts>(clinical::Deidentifier(deid_options(options)),
                                std::make_unique<clinical::Classifier>(model, engine)));
  });
}

DeidentifiedText Deidentifier::deidentify(std::string_view text, std::string_view patient) const {
  return translated([&] {
    clinical::DeidOptions options = parts_->deidentifier.options();
    options.patient = patient;
    const clinical::Document note{std::string(text)};
    clinical::DeidResult result =
        clinical::Deidentifier(options).run(note, found_by(parts_->classifier.get(), note));
    clinical::DeidReport report(options);
    report.add(clinical::document_entry("note", std::string(text), result));
    Json json = report.json();
    if (parts_->classifier) json["model_layer"] = "on: " + parts_->classifier->producer();
    return DeidentifiedText{.text = result.text.text(),
                            .redactions = redactions_of(std::move(result.redactions)),
                            .report = json.dump()};
  });
}

}  // namespace medlar
