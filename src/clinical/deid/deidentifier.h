#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clinical/deid/deidentified.h"
#include "clinical/deid/field.h"
#include "clinical/deid/phi_model.h"
#include "clinical/deid/policy.h"
#include "clinical/deid/site.h"
#include "clinical/document.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// How a document is de-identified.
struct DeidOptions {
  Policy policy = policy_named("hipaa_safe_harbor");
  Method method = Method::mask;
  std::string key;          ///< of hashes, invented values and shifts
  bool secret_key = true;   ///< false: a public seed, so that others can compute the same
  std::string patient;      ///< whose record it is: the same patient gets the same values
  std::optional<i64> days;  ///< that dates move; without it the patient's own, from the key
  bool reversible = false;  ///< every replacement is a token that Mapping can turn back
  Site site;
  std::shared_ptr<const PhiModel> model;  ///< looks beside the rules; null: rules alone
};

/// Options without a key get one: for hashes a random one, which nobody can use again, else the
/// public seed "seed:0".
DeidOptions with_key(DeidOptions options);

/// What became of one span.
struct Redaction {
  Span span;                ///< with offsets of the text that was searched
  std::string action;       ///< "mask", "replace", ..., or "keep" where the policy lets it stand
  text::ByteRange written;  ///< of the output; only for plain text
};

/// Replacements and what they stand for; never leaves the machine unsealed.
using Mapping = std::map<std::string, std::string>;

struct DeidResult {
  Deidentified text;
  std::vector<Redaction> redactions;
  Mapping mapping;  ///< empty unless reversible
};

/// Takes what identifies out of documents. Fails closed: on any error it throws, and there is no
/// output. Immutable after construction, safe to share between threads.
class Deidentifier {
 public:
  explicit Deidentifier(DeidOptions options);

  /// `more` are spans of another detector; they are united with those of the rules and the model.
  DeidResult run(const Document& document, std::vector<Span> more = {}) const;

  /// A file of structure and text: each field is searched (or hidden as a whole, where it has a
  /// label), and written back in its coding. Names of labelled fields are searched in all others.
  DeidResult run(const std::string& file, const std::vector<Field>& fields) const;

  const DeidOptions& options() const { return options_; }

 private:
  struct Replacement {
    std::string text;
    std::string action;
  };
  std::vector<Span> find(const Document& document, std::vector<Span> more) const;
  std::vector<Span> find_in_prose(const std::vector<Field>& fields,
                                  const std::vector<text::ByteRange>& places) const;
  Replacement replacement(const Span& span, std::string_view value) const;
  std::string token(const Span& span, std::string_view value) const;

  DeidOptions options_;
};

/// Puts the originals back: every token of the mapping that stands in the text.
std::string reidentified(std::string_view text, const Mapping& mapping);

}  // namespace medlar::clinical
