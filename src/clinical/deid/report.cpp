#include "clinical/deid/report.h"

#include <fmt/format.h>

#include <span>

#include "base/sha256.h"
#include "clinical/deid/kinds.h"
#include "clinical/deid/residual.h"
#include "clinical/deid/words.h"

namespace medlar::clinical {
namespace {

std::string digest(const std::string& text) { return sha256_hex(std::as_bytes(std::span(text))); }

std::string status_of(const HipaaRow& row, i64 found) {
  if (row.detectors.empty())
    return found > 0
               ? fmt::format("{} mentions found; not machine-checkable: to be reviewed by a human",
                             found)
               : "not machine-checkable: to be reviewed by a human";
  return fmt::format("{} found, by {}", found, row.detectors);
}

constexpr std::string_view style =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.3em .6em;"
    "text-align:left}td.n{text-align:right}";

std::string escaped(const std::string& text) { return encoded(text, Coding::xml); }

}  // namespace

DeidReport::DeidReport(const DeidOptions& options)
    : policy_(options.policy.name),
      version_(options.policy.version),
      basis_(options.policy.basis),
      method_(name_of(options.method)),
      secret_key_(options.secret_key),
      looked_(options.model == nullptr
                  ? "off: rules, dictionaries and check digits only"
                  : options.model->name() + ", beside rules, dictionaries and check digits") {}

void DeidReport::add(const Json& entry) {
  if (entry.contains("error")) {
    ++failed_;
    documents_.push_back(entry);
    return;
  }
  for (const Json& span : entry.at("spans")) {
    const auto label = span.at("label").get<std::string>();
    ++labels_[label];
    ++actions_[span.at("action").get<std::string>()];
    const PhiKind* kind = phi_kind(label);
    if (kind != nullptr) ++found_[static_cast<std::size_t>(kind->row)];
  }
  words_ += entry.at("words").get<i64>();
  suspects_ += entry.at("suspects").get<i64>();
  documents_.push_back({{"name", entry.at("name")},
                        {"input_sha256", entry.at("input_sha256")},
                        {"output_sha256", entry.at("output_sha256")},
                        {"spans", entry.at("spans").size()}});
}

Json DeidReport::rows() const {
  Json rows = Json::array();
  for (const HipaaRow& row : hipaa_rows) {
    const i64 found = found_[static_cast<std::size_t>(row.number)];
    rows.push_back({{"row", row.number},
                    {"identifier", row.name},
                    {"found", found},
                    {"checked_by", row.detectors.empty() ? "human" : "machine"},
                    {"status", status_of(row, found)}});
  }
  return rows;
}

Json DeidReport::json() const {
  return {
      {"policy", {{"name", policy_}, {"version", version_}, {"basis", basis_}}},
      {"method", method_},
      {"key", secret_key_ ? "secret"
                          : "public seed: invented values and shifts can be computed by others"},
      {"model_layer", looked_},
      {"hipaa", rows()},
      {"labels", labels_},
      {"actions", actions_},
      {"residual",
       {{"detector", "shapes: capitals that are no common word, digits, signs of addresses"},
        {"words", words_},
        {"suspects", suspects_},
        {"per_thousand_words",
         words_ == 0 ? 0.0
                     : 1000.0 * static_cast<double>(suspects_) / static_cast<double>(words_)}}},
      {"failed", failed_},
      {"documents", documents_}};
}

std::string DeidReport::html() const {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>De-identification "
      "report</title>\n<style>{}</style>\n<h1>De-identification report</h1>\n<p>Policy {} version "
      "{} "
      "({}), method {}; model {}; {} "
      "documents.</p>\n<table><tr><th>No.</th><th>Identifier</th><th>Found</th>"
      "<th>Status</th></tr>\n",
      style, escaped(policy_), escaped(version_), escaped(basis_), escaped(method_),
      escaped(looked_), documents_.size());
  for (const Json& row : rows()) {
    page += fmt::format(
        "<tr><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
        row["row"].get<i64>(), escaped(row["identifier"].get<std::string>()),
        row["found"].get<i64>(), escaped(row["status"].get<std::string>()));
  }
  page += fmt::format(
      "</table>\n<p>A second look by shapes alone would still flag {} of {} words.</p>\n"
      "<table><tr><th>Document</th><th>Input SHA-256</th><th>Output SHA-256</th></tr>\n",
      suspects_, words_);
  for (const Json& document : documents_) {
    page += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td><code>{}</code></td></tr>\n",
                        escaped(document["name"].get<std::string>()),
                        document["input_sha256"].get<std::string>(),
                        document.contains("error") ? "none: " + document["error"].get<std::string>()
                                                   : document["output_sha256"].get<std::string>());
  }
  return page + "</table>\n</html>\n";
}

std::string DeidReport::terminal() const {
  std::string text = fmt::format("policy {} version {}, method {}, model {}, {} documents\n",
                                 policy_, version_, method_, looked_, documents_.size());
  for (const Json& row : rows()) {
    text += fmt::format("{:>2}  {:<46} {}\n", row["row"].get<i64>(),
                        row["identifier"].get<std::string>(), row["status"].get<std::string>());
  }
  return text + fmt::format("residual look by shapes: {} of {} words\n", suspects_, words_);
}

Json document_entry(const std::string& name, const std::string& input, const DeidResult& result) {
  Json spans = Json::array();
  for (const Redaction& redaction : result.redactions) {
    spans.push_back({{"start_byte", redaction.span.range.begin},
                     {"end_byte", redaction.span.range.end},
                     {"label", redaction.span.label},
                     {"score", redaction.span.score},
                     {"detector", redaction.span.producer},
                     {"evidence", redaction.span.evidence},
                     {"action", redaction.action}});
  }
  const std::string& output = result.text.text();
  return {{"name", name},
          {"input_sha256", digest(input)},
          {"output_sha256", digest(output)},
          {"words", words_of(output, Lexicon::embedded()).size()},
          {"suspects", residual(output).size()},
          {"spans", std::move(spans)}};
}

Json spans_json(const Document& document, const std::vector<Redaction>& redactions) {
  Json spans = Json::array();
  i64 byte = 0;
  i64 scalar = 0;
  const auto scalar_at = [&](i64 end) {  // redactions come in order: one walk over the text
    for (; byte < end; ++byte)
      scalar += (static_cast<u8>(document.text()[static_cast<std::size_t>(byte)]) & 0xC0U) != 0x80U
                    ? 1
                    : 0;
    return scalar;
  };
  for (const Redaction& redaction : redactions) {
    const i64 start = scalar_at(redaction.span.range.begin);
    const i64 end = scalar_at(redaction.span.range.end);
    spans.push_back({{"start", start},
                     {"end", end},
                     {"start_byte", redaction.span.range.begin},
                     {"end_byte", redaction.span.range.end},
                     {"label", redaction.span.label},
                     {"score", redaction.span.score},
                     {"detector", redaction.span.producer},
                     {"evidence", redaction.span.evidence},
                     {"action", redaction.action}});
  }
  return spans;
}

}  // namespace medlar::clinical
