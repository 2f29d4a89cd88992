#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "clinical/deid/field.h"

namespace medlar::clinical {

/// Files that hold records.
enum class RecordFormat { text, json, json_lines, csv, hl7, xml, docx, pdf };

/// By the end of the name, else by the first bytes.
RecordFormat record_format(const std::filesystem::path& name, std::string_view bytes);

/// True for what is read as text and written as text: DOCX and PDF.
bool is_extracted(RecordFormat format);

/// The text of a DOCX or PDF file. Throws corrupt_file, unsupported, limit_exceeded.
std::string extracted_text(const std::string& bytes, RecordFormat format,
                           const std::string& source);

/// The fields of a file in order; one for the whole of a text. Fields that name somebody by the
/// format's own rules have a label: PID-5 of HL7, `name` of a FHIR Patient, patientRole of C-CDA,
/// a column "dob". Every other text is free text. Throws corrupt_file for broken syntax, with the
/// place and without the text.
std::vector<Field> fields_of(const std::string& file, RecordFormat format,
                             const std::string& source);

std::vector<Field> json_fields(const std::string& file, const std::string& source);
std::vector<Field> json_lines_fields(const std::string& file, const std::string& source);
std::vector<Field> csv_fields(const std::string& file);
std::vector<Field> hl7_fields(const std::string& file, const std::string& source);
std::vector<Field> xml_fields(const std::string& file, const std::string& source);

/// The label of a field by its name, as columns and keys are called ("birthDate", "patient_name",
/// "MRN"); empty for free text.
std::string label_of_name(std::string_view name);

/// RFC 4648 without white space; empty for anything else.
std::string base64_decoded(std::string_view text);

bool is_utf8(std::string_view bytes);

}  // namespace medlar::clinical
