#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medlar/types.h"

namespace medlar {

/// What is hidden, and how.
struct DeidOptions {
  std::string policy =
      "hipaa_safe_harbor";  ///< also limited_dataset, gdpr_pseudonymization, strict
  std::string method = {};  ///< mask, remove, replace, hash, shift_dates; "": the policy's own
  /// The secret behind hashes, invented values and shifts. Without one, hashes are of this
  /// deidentifier alone, and invented values and shifts of a public seed.
  std::string key = {};
  std::string site =
      {};  ///< JSON of what a site knows of its records: patterns, names, lists; "": none
};

/// Something that says who it is, and what became of it.
struct Redaction {
  std::int64_t begin = 0;  ///< bytes of the text, UTF-8
  std::int64_t end = 0;
  std::string label;     ///< "PATIENT", "DATE", "MEDICALRECORD", ... (i2b2-2014)
  float score = 0.0f;    ///< in [0, 1]; 1 for a rule without doubt
  std::string producer;  ///< what found it
  std::string action;    ///< "mask", "remove", ..., or "keep" where the policy lets it stand
  std::int64_t written_begin = 0;  ///< bytes of the new text
  std::int64_t written_end = 0;
};

struct DeidentifiedText {
  std::string text;
  std::vector<Redaction> redactions;  ///< by their begin, none over another
  std::string
      report;  ///< JSON: policy, the eighteen rows of HIPAA, counts, digests; no word of the text
};

/// Takes out of texts who they are about, by rules, and by a token classifier if one is opened:
///
///     medlar::Deidentifier deidentifier({.method = "replace", .key = "of the site"});
///     std::cout << deidentifier.deidentify("Seen by Dr. Brandt.").text << "\n";
///
/// Fails closed: on any error there is no output. Many threads may use one deidentifier at once;
/// those that run a model wait for one another. One that was moved from may only be destroyed or
/// assigned to. Errors are EngineError.
class Deidentifier {
 public:
  /// Throws usage for a policy, a method or a label that is none, corrupt_file for a site's JSON
  /// that is broken, unsupported and limit_exceeded for its patterns.
  explicit Deidentifier(const DeidOptions& options = {});
  /// With a token classifier whose labels are those of Redaction, as Engine::open takes models.
  /// Throws what that and the constructor throw.
  static Deidentifier open(const std::filesystem::path& model, const DeidOptions& options = {},
                           const EngineOptions& engine = {});

  Deidentifier(Deidentifier&&) noexcept;
  Deidentifier& operator=(Deidentifier&&) noexcept;
  Deidentifier(const Deidentifier&) = delete;
  Deidentifier& operator=(const Deidentifier&) = delete;
  ~Deidentifier();

  /// `patient` names whose record it is: the same patient gets the same values and shift. Throws
  /// invalid_argument for a text that is no UTF-8, limit_exceeded for a site's pattern that goes
  /// beyond its bounds, unsupported for a model that labels no tokens.
  DeidentifiedText deidentify(std::string_view text, std::string_view patient = {}) const;

 private:
  struct Parts;
  explicit Deidentifier(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace medlar
