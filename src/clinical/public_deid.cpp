// include/medlar/deid.h over the rules and, if one is opened, a model.
#include <algorithm>
#include <utility>

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
};

Deidentifier::Deidentifier(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Deidentifier::Deidentifier(Deidentifier&&) noexcept = default;
Deidentifier& Deidentifier::operator=(Deidentifier&&) noexcept = default;
Deidentifier::~Deidentifier() = default;

Deidentifier::Deidentifier(const DeidOptions& options)
    : parts_(translated([&] {
        return std::make_unique<Parts>(clinical::Deidentifier(deid_options(options)));
      })) {}

Deidentifier Deidentifier::open(const std::filesystem::path& model, const DeidOptions& options,
                                const EngineOptions& engine) {
  return translated([&] {
    clinical::DeidOptions with_model = deid_options(options);
    with_model.model =
        std::make_shared<const clinical::PhiModel>(model, clinical::runner_options(engine));
    return Deidentifier(std::make_unique<Parts>(clinical::Deidentifier(std::move(with_model))));
  });
}

DeidentifiedText Deidentifier::deidentify(std::string_view text, std::string_view patient) const {
  return translated([&] {
    clinical::DeidOptions options = parts_->deidentifier.options();
    options.patient = patient;
    const clinical::Document note{std::string(text)};
    clinical::DeidResult result = clinical::Deidentifier(options).run(note);
    clinical::DeidReport report(options);
    report.add(clinical::document_entry("note", std::string(text), result));
    return DeidentifiedText{.text = result.text.text(),
                            .redactions = redactions_of(std::move(result.redactions)),
                            .report = report.json().dump()};
  });
}

}  // namespace medlar
