// FHIR R4 (hl7.org/fhir/R4): the resources' required elements, and codes where the note's words
// have them. AI labels follow the security label AIAST of HL7's v3-ObservationValue.
#include <fmt/format.h>

#include <charconv>

#include "base/sha256.h"
#include "clinical/data_files.h"
#include "clinical/outputs/outputs.h"

namespace medlar::clinical {
namespace {

constexpr const char* ucum = "http://unitsofmeasure.org";
constexpr const char* loinc = "http://loinc.org";

Json coding(const std::string& system, const std::string& code) {
  return {{"system", system}, {"code", code}};
}

Json concept_of(const std::string& system, const std::string& code) {
  return {{"coding", Json::array({coding(system, code)})}};
}

Json label_ai_asserted() {
  return {{"security",
           Json::array({{{"system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"},
                         {"code", "AIAST"},
                         {"display", "Artificial Intelligence asserted"}}})}};
}

/// The same note gives the same identifiers: a UUID of version 8 from a digest.
std::string uuid_of(const std::string& seed) {
  std::string hex = sha256_hex(std::as_bytes(std::span(seed))).substr(0, 32);
  hex[12] = '8';
  hex[16] = 'a';
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

/// FHIR's URIs of the systems in our references.
std::string system_uri(std::string_view system) {
  if (system == "ICD10CM") return "http://hl7.org/fhir/sid/icd-10-cm";
  if (system == "SNOMEDCT" || system == "SNOMED") return "http://snomed.info/sct";
  if (system == "UMLS") return "http://terminology.hl7.org/CodeSystem/umls";
  if (system == "MESH") return "http://terminology.hl7.org/CodeSystem/MSH";
  if (system == "RxNorm") return "http://www.nlm.nih.gov/research/umls/rxnorm";
  if (system == "LOINC") return loinc;
  return system == "DOID" ? "http://purl.obolibrary.org/obo/doid.owl" : "";
}

void add_code(Json& codings, std::string_view reference) {
  const std::size_t colon = reference.find(':');
  if (colon == std::string_view::npos) return;
  const std::string uri = system_uri(reference.substr(0, colon));
  const bool is_doid = reference.starts_with("DOID:");
  if (!uri.empty())
    codings.push_back(coding(uri, std::string(is_doid ? reference : reference.substr(colon + 1))));
}

/// All codes of a span, its words as text.
Json meaning_of(const Document& note, const Span& span) {
  Json codings = Json::array();
  add_code(codings, attribute(span, "code"));
  const std::string references = attribute(span, "references");
  for (const std::string_view reference : split_trimmed(references, ' '))
    add_code(codings, reference);
  Json meaning = Json::object();
  if (!codings.empty()) meaning["coding"] = std::move(codings);
  meaning["text"] = attribute(span, "name").empty() ? std::string(note.text(span.range))
                                                    : attribute(span, "name");
  return meaning;
}

double number_in(std::string_view text) {
  double value = 0.0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Json quantity(std::string_view value, const std::string& unit) {
  Json json = {{"value", number_in(value)}};
  if (!unit.empty()) {
    json["unit"] = unit;
    json["system"] = ucum;
    json["code"] = unit;
  }
  return json;
}

Json condition(const Document& note, const Span& span) {
  const std::string assertion = attribute(span, "assertion");
  const char* certainty = assertion == "negated"    ? "refuted"
                          : assertion == "possible" ? "provisional"
                                                    : "confirmed";
  Json json = {{"resourceType", "Condition"}};
  if (assertion != "negated") {
    json["clinicalStatus"] = concept_of("http://terminology.hl7.org/CodeSystem/condition-clinical",
                                        assertion == "historical" ? "inactive" : "active");
  }
  json["verificationStatus"] =
      concept_of("http://terminology.hl7.org/CodeSystem/condition-ver-status", certainty);
  json["category"] = Json::array({concept_of(
      "http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis")});
  json["code"] = meaning_of(note, span);
  return json;
}

/// The relative is not told apart: FAMMEMB, a member of the family.
Json family_history(const Document& note, const Span& span) {
  return {
      {"resourceType", "FamilyMemberHistory"},
      {"status", "partial"},
      {"relationship", concept_of("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "FAMMEMB")},
      {"condition", Json::array({{{"code", meaning_of(note, span)}}})}};
}

Json allergy(const Document& note, const Span& span) {
  return {
      {"resourceType", "AllergyIntolerance"},
      {"clinicalStatus",
       concept_of("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active")},
      {"verificationStatus",
       concept_of("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
                  "unconfirmed")},
      {"code", meaning_of(note, span)}};
}

Json dosage(const Span& span) {
  Json json = Json::object();
  std::string text;
  for (const char* name : {"dose", "quantity", "route", "frequency", "duration"}) {
    const std::string value = attribute(span, name);
    if (!value.empty()) text += (text.empty() ? "" : " ") + value;
  }
  if (!attribute(span, "as_needed").empty()) text += " as needed";
  if (text.empty()) return json;
  json["text"] = text;
  if (!attribute(span, "frequency").empty())
    json["timing"] = {{"code", {{"text", attribute(span, "frequency")}}}};
  if (!attribute(span, "as_needed").empty()) json["asNeededBoolean"] = true;
  if (!attribute(span, "route").empty()) json["route"] = {{"text", attribute(span, "route")}};
  const std::string dose = attribute(span, "dose_value");
  const bool is_plain = !dose.empty() && dose.find_first_of("-/") == std::string::npos;
  if (is_plain) {
    json["doseAndRate"] =
        Json::array({{{"doseQuantity", quantity(dose, attribute(span, "dose_unit"))}}});
  }
  return json;
}

Json medication_statement(const Document& note, const Span& span) {
  const std::string assertion = attribute(span, "assertion");
  const char* status = assertion == "negated"      ? "not-taken"
                       : assertion == "historical" ? "stopped"
                       : assertion == "possible"   ? "unknown"
                                                   : "active";
  Json json = {{"resourceType", "MedicationStatement"},
               {"status", status},
               {"medicationCodeableConcept", meaning_of(note, span)}};
  Json directions = dosage(span);
  if (!directions.empty()) json["dosage"] = Json::array({std::move(directions)});
  return json;
}

Json observation(const Span& span) {
  const bool is_vital = span.label == "vital";
  const std::string value = attribute(span, "value");
  const std::string unit = attribute(span, "unit");
  const std::string code = attribute(span, "loinc");
  Json json = {{"resourceType", "Observation"}, {"status", "preliminary"}};
  json["category"] =
      Json::array({concept_of("http://terminology.hl7.org/CodeSystem/observation-category",
                              is_vital ? "vital-signs" : "laboratory")});
  json["code"] = code.empty() ? Json::object() : concept_of(loinc, code);
  json["code"]["text"] = attribute(span, "name");
  const std::size_t slash = value.find('/');
  if (slash != std::string::npos) {
    json["component"] = Json::array(
        {{{"code", concept_of(loinc, "8480-6")},
          {"valueQuantity", quantity(std::string_view(value).substr(0, slash), unit)}},
         {{"code", concept_of(loinc, "8462-4")},
          {"valueQuantity", quantity(std::string_view(value).substr(slash + 1), unit)}}});
  } else {
    json["valueQuantity"] = quantity(value, unit);
    const std::string comparator = attribute(span, "comparator");
    if (comparator == "<" || comparator == ">") json["valueQuantity"]["comparator"] = comparator;
    if (comparator == "\u2264") json["valueQuantity"]["comparator"] = "<=";
    if (comparator == "\u2265") json["valueQuantity"]["comparator"] = ">=";
  }
  const std::string flag = attribute(span, "flag");
  if (!flag.empty()) {
    json["interpretation"] = Json::array(
        {concept_of("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", flag)});
  }
  if (!attribute(span, "range_low").empty()) {
    json["referenceRange"] =
        Json::array({{{"low", quantity(attribute(span, "range_low"), unit)},
                      {"high", quantity(attribute(span, "range_high"), unit)}}});
  }
  return json;
}

/// The resource that says what a span says; null for what has none.
Json resource_of(const Document& note, const Span& span) {
  const std::string assertion = attribute(span, "assertion");
  if (span.label == "lab" || span.label == "vital") return observation(span);
  if (assertion.empty() || assertion == "hypothetical") return nullptr;
  if (span.label == "medication" || span.label == "chemical") {
    if (attribute(span, "section") != "allergies") return medication_statement(note, span);
    return assertion == "negated" ? Json(nullptr) : allergy(note, span);
  }
  const bool is_finding = span.label == "disease" || span.label == "symptom" ||
                          span.label == "cancer" || span.label == "problem";
  if (!is_finding) return nullptr;
  if (assertion != "family") return condition(note, span);
  return attribute(span, "negated").empty() ? family_history(note, span) : Json(nullptr);
}

/// FamilyMemberHistory and AllergyIntolerance name the patient "patient".
void set_patient(Json& resource, const Json& patient) {
  const bool is_patient = resource["resourceType"] == "FamilyMemberHistory" ||
                          resource["resourceType"] == "AllergyIntolerance";
  resource[is_patient ? "patient" : "subject"] = patient;
}

Json entry(const std::string& uuid, Json resource) {
  resource["id"] = uuid;
  return {{"fullUrl", "urn:uuid:" + uuid}, {"resource", std::move(resource)}};
}

Json device(const Analysis& analysis, const OutputOptions& options) {
  Json notes = Json::array();
  for (const std::string& producer : analysis.producers) notes.push_back({{"text", producer}});
  return {{"resourceType", "Device"},
          {"deviceName", Json::array({{{"name", "medlar"}, {"type", "model-name"}}})},
          {"version", Json::array({{{"value", options.version}}})},
          {"note", std::move(notes)}};
}

}  // namespace

Json analysis_fhir(const Document& note, const Analysis& analysis, const OutputOptions& options) {
  const OffsetTable offset(note.text(), OffsetUnit::scalar);
  const Json patient = {{"display", "The patient of the note"}};
  Json entries = Json::array();
  Json targets = Json::array();
  for (const Span& span : analysis.spans) {
    Json resource = resource_of(note, span);
    if (resource.is_null()) continue;
    const std::string uuid =
        uuid_of(fmt::format("{} {} {}", note.digest(), span.range.begin, span.label));
    resource["meta"] = label_ai_asserted();
    set_patient(resource, patient);
    resource["note"] = Json::array(
        {{{"text", fmt::format("Unicode scalars {} to {} of the note with SHA-256 {}",
                               offset(span.range.begin), offset(span.range.end), note.digest())}}});
    targets.push_back({{"reference", "urn:uuid:" + uuid}});
    entries.push_back(entry(uuid, std::move(resource)));
  }
  const std::string device_uuid = uuid_of("medlar " + options.version);
  entries.push_back(entry(device_uuid, device(analysis, options)));
  if (!targets.empty()) {
    const Json agent = {{"type", concept_of("http://terminology.hl7.org/CodeSystem/"
                                            "provenance-participant-type",
                                            "assembler")},
                        {"who", {{"reference", "urn:uuid:" + device_uuid}}}};
    const Json source = {
        {"role", "source"},
        {"what",
         {{"identifier",
           {{"system", "urn:ietf:rfc:3986"}, {"value", "urn:sha256:" + note.digest()}}}}}};
    entries.push_back(
        entry(uuid_of("provenance " + note.digest()), {{"resourceType", "Provenance"},
                                                       {"meta", label_ai_asserted()},
                                                       {"target", std::move(targets)},
                                                       {"recorded", options.time},
                                                       {"agent", Json::array({agent})},
                                                       {"entity", Json::array({source})}}));
  }
  return {{"resourceType", "Bundle"},
          {"meta", label_ai_asserted()},
          {"type", "collection"},
          {"timestamp", options.time},
          {"entry", std::move(entries)}};
}

}  // namespace medlar::clinical
