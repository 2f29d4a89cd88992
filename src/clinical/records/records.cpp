#include "clinical/records/records.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "clinical/deid/lexicon.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

using NamedLabel = std::pair<std::string_view, std::string_view>;

/// Names of fields as databases, FHIR and C-CDA call them, in small letters without separators.
constexpr std::array<NamedLabel, 74> named_labels = {{{"name", "PATIENT"},
                                                      {"patientname", "PATIENT"},
                                                      {"fullname", "PATIENT"},
                                                      {"firstname", "PATIENT"},
                                                      {"lastname", "PATIENT"},
                                                      {"middlename", "PATIENT"},
                                                      {"surname", "PATIENT"},
                                                      {"givenname", "PATIENT"},
                                                      {"familyname", "PATIENT"},
                                                      {"given", "PATIENT"},
                                                      {"family", "PATIENT"},
                                                      {"maidenname", "PATIENT"},
                                                      {"mothersmaidenname", "PATIENT"},
                                                      {"contactname", "PATIENT"},
                                                      {"guardian", "PATIENT"},
                                                      {"doctor", "DOCTOR"},
                                                      {"physician", "DOCTOR"},
                                                      {"provider", "DOCTOR"},
                                                      {"providername", "DOCTOR"},
                                                      {"attending", "DOCTOR"},
                                                      {"author", "DOCTOR"},
                                                      {"nurse", "DOCTOR"},
                                                      {"clinician", "DOCTOR"},
                                                      {"username", "USERNAME"},
                                                      {"userid", "USERNAME"},
                                                      {"hospital", "HOSPITAL"},
                                                      {"facility", "HOSPITAL"},
                                                      {"facilityname", "HOSPITAL"},
                                                      {"clinic", "HOSPITAL"},
                                                      {"employer", "ORGANIZATION"},
                                                      {"address", "STREET"},
                                                      {"street", "STREET"},
                                                      {"streetaddressline", "STREET"},
                                                      {"addressline", "STREET"},
                                                      {"address1", "STREET"},
                                                      {"address2", "STREET"},
                                                      {"line", "STREET"},
                                                      {"city", "CITY"},
                                                      {"district", "CITY"},
                                                      {"county", "CITY"},
                                                      {"zip", "ZIP"},
                                                      {"zipcode", "ZIP"},
                                                      {"postalcode", "ZIP"},
                                                      {"postcode", "ZIP"},
                                                      {"dob", "DATE"},
                                                      {"birthdate", "DATE"},
                                                      {"dateofbirth", "DATE"},
                                                      {"birthtime", "DATE"},
                                                      {"deathdate", "DATE"},
                                                      {"deceaseddatetime", "DATE"},
                                                      {"admissiondate", "DATE"},
                                                      {"dischargedate", "DATE"},
                                                      {"phone", "PHONE"},
                                                      {"telephone", "PHONE"},
                                                      {"phonenumber", "PHONE"},
                                                      {"mobile", "PHONE"},
                                                      {"fax", "FAX"},
                                                      {"email", "EMAIL"},
                                                      {"emailaddress", "EMAIL"},
                                                      {"ssn", "SSN"},
                                                      {"socialsecuritynumber", "SSN"},
                                                      {"mrn", "MEDICALRECORD"},
                                                      {"medicalrecordnumber", "MEDICALRECORD"},
                                                      {"patientid", "MEDICALRECORD"},
                                                      {"nhsnumber", "MEDICALRECORD"},
                                                      {"memberid", "HEALTHPLAN"},
                                                      {"insuranceid", "HEALTHPLAN"},
                                                      {"policynumber", "HEALTHPLAN"},
                                                      {"subscriberid", "HEALTHPLAN"},
                                                      {"accountnumber", "ACCOUNT"},
                                                      {"account", "ACCOUNT"},
                                                      {"licensenumber", "LICENSE"},
                                                      {"serialnumber", "DEVICE"},
                                                      {"ipaddress", "IPADDR"}}};

bool has_ending(const std::filesystem::path& name, std::string_view ending) {
  return folded(name.extension().string()) == ending;
}

std::string_view trimmed_start(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

}  // namespace

RecordFormat record_format(const std::filesystem::path& name, std::string_view bytes) {
  if (bytes.starts_with("%PDF-")) return RecordFormat::pdf;
  if (bytes.starts_with("PK\x03\x04")) return RecordFormat::docx;
  if (has_ending(name, "csv")) return RecordFormat::csv;
  if (has_ending(name, "jsonl") || has_ending(name, "ndjson")) return RecordFormat::json_lines;
  const std::string_view start = trimmed_start(bytes.substr(0, 4096));
  if (start.starts_with("MSH|") || start.starts_with("\x0bMSH|")) return RecordFormat::hl7;
  if (has_ending(name, "json") && (start.starts_with("{") || start.starts_with("[")))
    return RecordFormat::json;
  if (start.starts_with("<?xml") || start.starts_with("<ClinicalDocument"))
    return RecordFormat::xml;
  if (has_ending(name, "xml") && start.starts_with("<")) return RecordFormat::xml;
  return RecordFormat::text;
}

bool is_extracted(RecordFormat format) {
  return format == RecordFormat::docx || format == RecordFormat::pdf;
}

std::string label_of_name(std::string_view name) {
  std::string plain;
  for (const char c : folded(name)) {
    if (c != ' ' && c != '_') plain += c;
  }
  for (const auto& [known, label] : named_labels) {
    if (plain == known) return std::string(label);
  }
  return {};
}

std::string base64_decoded(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  u32 bits = 0;
  int filled = 0;
  for (const char c : text) {
    if (c == '=' || c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return {};
    bits = bits << 6 | static_cast<u32>(digit);
    filled += 6;
    if (filled >= 8) {
      filled -= 8;
      result += static_cast<char>(bits >> filled & 0xFFu);
    }
  }
  return result;
}

bool is_utf8(std::string_view bytes) {
  for (i64 at = 0; at < ssize_of(bytes);) {
    const auto length = text::valid_sequence_at(bytes, at);
    if (!length) return false;
    at += *length;
  }
  return true;
}

std::vector<Field> fields_of(const std::string& file, RecordFormat format,
                             const std::string& source) {
  // XML says its encoding itself; the names of fields elsewhere are read before any value is.
  if (format == RecordFormat::csv || format == RecordFormat::hl7) text::check_utf8(file);
  switch (format) {
    case RecordFormat::json:
      return json_fields(file, source);
    case RecordFormat::json_lines:
      return json_lines_fields(file, source);
    case RecordFormat::csv:
      return csv_fields(file);
    case RecordFormat::hl7:
      return hl7_fields(file, source);
    case RecordFormat::xml:
      return xml_fields(file, source);
    default:
      return {{.range = {0, ssize_of(file)}, .text = file, .label = {}, .coding = Coding::plain}};
  }
}

}  // namespace medlar::clinical
