#include "eval/deid_data.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "clinical/deid/kinds.h"
#include "clinical/deid/lexicon.h"
#include "text/unicode.h"
#include "train/standoff.h"

namespace medlar::eval {
namespace {

using clinical::folded;
using clinical::Lexicon;

bool is_year(std::string_view value) {
  return value.size() == 4 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The row of 45 CFR 164.514(b)(2)(i) of a kind, as the sets name it or as i2b2-2014 does.
int hipaa_row(const std::string& kind) {
  static const std::map<std::string, int> rows = {
      {"PERSON", 1},
      {"NAME", 1},
      {"GPE", 2},
      {"LOCATION", 2},
      {"GEOGRAPHIC_LOCATION", 2},
      {"STREET_ADDRESS", 2},
      {"ADDRESS", 2},
      {"ZIP_CODE", 2},
      {"DATE_TIME", 3},
      {"PHONE_NUMBER", 4},
      {"FAX_NUMBER", 5},
      {"EMAIL_ADDRESS", 6},
      {"US_SSN", 7},
      {"SOCIAL_SECURITY_NUMBER", 7},
      {"MEDICAL_RECORD_NUMBER", 8},
      {"HEALTH_PLAN_BENEFICIARY_NUMBER", 9},
      {"ACCOUNT_NUMBER", 10},
      {"CREDIT_CARD", 10},
      {"IBAN_CODE", 10},
      {"US_DRIVER_LICENSE", 11},
      {"CERTIFICATE_LICENSE_NUMBER", 11},
      {"VEHICLE_IDENTIFIER", 12},
      {"DEVICE_IDENTIFIER", 13},
      {"DOMAIN_NAME", 14},
      {"IP_ADDRESS", 15},
      {"BIOMETRIC_IDENTIFIER", 16},
      {"UNIQUE_IDENTIFIER", 18},
  };
  const auto found = rows.find(kind);
  if (found != rows.end()) return found->second;
  const clinical::PhiKind* own = clinical::phi_kind(kind);
  return own == nullptr ? 0 : own->row;
}

/// A year, a weekday, a country or a state is not among the eighteen; neither is an age below 90.
bool is_direct(const std::string& kind, const std::string& value) {
  static const std::set<std::string> never = {"ORGANIZATION", "TITLE",   "NRP",
                                              "PROFESSION",   "COUNTRY", "STATE"};
  if (never.contains(kind)) return false;
  const u64 flags = Lexicon::embedded().flags(folded(value));
  if (kind == "AGE") return value.size() > 2 || value >= "90";
  if (kind == "DATE_TIME" || kind == "DATE")
    return !is_year(value) && (flags & clinical::word_term) == 0;
  const bool place = kind == "GPE" || kind == "LOCATION" || kind == "GEOGRAPHIC_LOCATION";
  constexpr u64 wide = clinical::word_country | clinical::word_state | clinical::word_term;
  return !(place && (flags & wide) != 0 && (flags & clinical::word_city) == 0);
}

void add(GoldText& gold, text::ByteRange range, const std::string& kind) {
  const std::string value = gold.text.substr(static_cast<std::size_t>(range.begin),
                                             static_cast<std::size_t>(range.size()));
  gold.spans.push_back({range, kind, hipaa_row(kind), is_direct(kind, value)});
}

std::vector<GoldText> read_presidio(const Json& file) {
  std::vector<GoldText> texts;
  for (const Json& entry : file) {
    GoldText gold = {.text = entry.at("full_text").get<std::string>(), .spans = {}};
    std::vector<i64> byte_of;  // of each code point
    for (i64 at = 0; at < ssize_of(gold.text); at += text::code_point_at(gold.text, at).bytes)
      byte_of.push_back(at);
    byte_of.push_back(ssize_of(gold.text));
    for (const Json& span : entry.at("spans")) {
      const i64 begin = span.at("start_position").get<i64>();
      const i64 end = span.at("end_position").get<i64>();
      if (begin < 0 || begin > end || end >= ssize_of(byte_of))
        fail(ErrorCode::corrupt_file, "a span of text {} lies outside it", texts.size());
      add(gold, {byte_of[static_cast<std::size_t>(begin)], byte_of[static_cast<std::size_t>(end)]},
          span.at("entity_type").get<std::string>());
    }
    texts.push_back(std::move(gold));
  }
  return texts;
}

std::vector<GoldText> read_lines(const std::filesystem::path& path) {
  std::vector<GoldText> texts;
  for (train::AnnotatedText& line : train::read_jsonl(path)) {
    texts.push_back({.text = std::move(line.text), .spans = {}});
    for (const train::Annotation& entity : line.annotations)
      add(texts.back(), entity.range, entity.type);
  }
  return texts;
}

constexpr std::string_view query_mark = "===QUERY===";
constexpr std::string_view tags_mark = "===PHI_TAGS===";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \r\n\t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \r\n\t") - begin + 1);
}

/// Every place of the query where the value stands.
void add_value(GoldText& gold, const Json& tag) {
  const auto value = tag.at("value").get<std::string>();
  if (value.empty()) return;
  for (std::size_t at = gold.text.find(value); at != std::string::npos;
       at = gold.text.find(value, at + value.size())) {
    add(gold, {static_cast<i64>(at), static_cast<i64>(at + value.size())},
        tag.at("identifier_type").get<std::string>());
  }
}

std::vector<GoldText> read_asq_phi(std::string_view file, const std::string& source) {
  std::vector<GoldText> texts;
  std::size_t at = file.find(query_mark);
  while (at != std::string_view::npos) {
    const std::size_t next = file.find(query_mark, at + 1);
    const std::string_view block =
        file.substr(at, next == std::string_view::npos ? next : next - at);
    const std::size_t tags = block.find(tags_mark);
    if (tags == std::string_view::npos)
      fail(ErrorCode::corrupt_file, "{}: block {} has no {}", source, texts.size(), tags_mark);
    GoldText gold = {
        .text = std::string(trimmed(block.substr(query_mark.size(), tags - query_mark.size()))),
        .spans = {}};
    std::string_view lines = block.substr(tags + tags_mark.size());
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size());
      const std::string_view line = trimmed(lines.substr(0, end));
      if (line.starts_with("{")) add_value(gold, parse_json(line, source));
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    texts.push_back(std::move(gold));
    at = next;
  }
  return texts;
}

}  // namespace

std::vector<GoldText> read_deid_data(const std::filesystem::path& path) {
  if (path.extension() == ".jsonl") return read_lines(path);
  const std::string file = read_text_file(path);
  const std::string_view start = trimmed(std::string_view(file).substr(0, 100));
  try {
    if (start.starts_with("[")) return read_presidio(parse_json(file, path.string()));
    if (file.find(query_mark) != std::string::npos) return read_asq_phi(file, path.string());
  } catch (const Json::exception& error) {
    fail(ErrorCode::corrupt_file, "{}: a field is missing or of another type (rule {})",
         path.string(), error.id);
  }
  fail(ErrorCode::corrupt_file,
       "{}: neither presidio-research's JSON nor ASQ-PHI's text nor .jsonl", path.string());
}

}  // namespace medlar::eval
