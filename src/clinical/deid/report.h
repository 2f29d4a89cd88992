#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "clinical/deid/deidentifier.h"

namespace medlar::clinical {

/// What was done to a set of documents, without a word of theirs. Adding documents in the same
/// order gives the same report.
class DeidReport {
 public:
  explicit DeidReport(const DeidOptions& options);

  /// `entry` is what document_entry gave for one document.
  void add(const Json& entry);

  /// All eighteen rows in order, counts by label and action, digests, the residual look.
  Json json() const;
  std::string html() const;
  std::string terminal() const;

 private:
  Json rows() const;

  std::string policy_;
  std::string version_;
  std::string basis_;
  std::string method_;
  bool secret_key_;
  std::string looked_;  ///< whether a model did
  std::map<std::string, i64> labels_;
  std::map<std::string, i64> actions_;
  std::array<i64, 19> found_ = {};
  i64 words_ = 0;
  i64 suspects_ = 0;
  i64 failed_ = 0;
  Json documents_ = Json::array();
};

/// One document: name, digests of input and output, offsets and kinds of its spans, what the
/// residual look counted. Holds no text of the document.
Json document_entry(const std::string& name, const std::string& input, const DeidResult& result);

/// The spans as `medlar deid --jsonl` gives them: offsets in code points and bytes of the text.
Json spans_json(const Document& document, const std::vector<Redaction>& redactions);

}  // namespace medlar::clinical
