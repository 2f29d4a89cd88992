// C-CDA 2.1 and other XML: narrative and header texts, attributes that hold times and numbers.
#include <algorithm>

#include "clinical/records/records.h"
#include "clinical/records/xml.h"

namespace medlar::clinical {
namespace {

using Path = std::vector<std::string>;

bool inside(const Path& path, std::string_view element) {
  return std::find(path.begin(), path.end(), element) != path.end();
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string text_label(const Path& path) {
  const std::string& element = path.back();
  const bool giver = inside(path, "assignedPerson") || inside(path, "informationRecipient");
  if (element == "given" || element == "family") return giver ? "DOCTOR" : "PATIENT";
  if (element == "name") {
    const std::string parent = path.size() > 1 ? path[path.size() - 2] : "";
    if (parent == "patient" || parent == "guardianPerson" || parent == "associatedPerson" ||
        parent == "relatedPerson" || parent == "subject")
      return "PATIENT";
    return parent == "assignedPerson" ? "DOCTOR" : "HOSPITAL";
  }
  if (element == "streetAddressLine" || element == "city" || element == "county" ||
      element == "postalCode")
    return label_of_name(element);
  return {};
}

bool begins_with_date(std::string_view value) {
  return value.size() >= 6 &&
         std::all_of(value.begin(), value.begin() + 6, [](char c) { return c >= '0' && c <= '9'; });
}

/// The label of an attribute of C-CDA, or empty for codes and measured values.
std::string attribute_label(const Path& path, const XmlAttribute& attribute) {
  const std::string& element = path.back();
  if (attribute.name == "extension" && (element == "id" || element == "setId"))
    return inside(path, "patientRole") ? "MEDICALRECORD" : "IDNUM";
  if (attribute.name != "value") return {};
  if (element == "telecom")
    return attribute.value.find('@') != std::string::npos ? "EMAIL" : "PHONE";
  const bool time = element == "effectiveTime" || element == "low" || element == "high" ||
                    element == "time" || element == "birthTime" || element == "center" ||
                    element == "phase" || element == "deceasedTime";
  return time && begins_with_date(attribute.value) ? "DATE" : "";
}

class XmlFields {
 public:
  std::vector<Field> read(const std::string& file, const std::string& source) {
    const XmlEvents events = {
        .start = [this](const Path& path,
                        const std::vector<XmlAttribute>& all) { start(path, all); },
        .end = {},
        .text = [this, &file](
                    const Path& path, std::string text,
                    text::ByteRange range) { add_text(path, std::move(text), range, file); }};
    read_xml(file, source, events);
    return std::move(fields_);
  }

 private:
  void start(const Path& path, const std::vector<XmlAttribute>& attributes) {
    is_cda_ = is_cda_ || path[0] == "ClinicalDocument";
    encoding_.clear();
    for (const XmlAttribute& attribute : attributes) {
      if (attribute.name == "representation") encoding_ = attribute.value;
      const std::string label = attribute_label(path, attribute);
      // what is no C-CDA may hide anything anywhere
      if (label.empty() && is_cda_) continue;
      if (attribute.value.empty()) continue;
      fields_.push_back({attribute.range, attribute.value, label, Coding::xml});
    }
  }

  void add_text(const Path& path, std::string text, text::ByteRange range,
                const std::string& file) {
    if (is_blank(text)) return;
    if (encoding_ == "B64") {
      std::string decoded = base64_decoded(text);
      // a document inside that is no text cannot be looked into
      const bool readable = !decoded.empty() && decoded.find('\0') == std::string::npos &&
                            std::none_of(decoded.begin(), decoded.end(),
                                         [](char c) { return static_cast<u8>(c) >= 0x80; });
      fields_.push_back(
          {range, readable ? decoded : "binary", readable ? "" : "PHOTO", Coding::base64_xml});
      return;
    }
    const bool cdata = range.begin >= 9 &&
                       file.compare(static_cast<std::size_t>(range.begin) - 9, 9, "<![CDATA[") == 0;
    fields_.push_back(
        {range, std::move(text), text_label(path), cdata ? Coding::plain : Coding::xml});
  }

  bool is_cda_ = false;
  std::string encoding_;
  std::vector<Field> fields_;
};

}  // namespace

std::vector<Field> xml_fields(const std::string& file, const std::string& source) {
  return XmlFields().read(file, source);
}

}  // namespace medlar::clinical
