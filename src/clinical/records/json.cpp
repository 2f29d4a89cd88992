// JSON and FHIR R4: every string is a field; those that name somebody by their place are labelled.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "clinical/records/records.h"

namespace medlar::clinical {
namespace {

/// Where a value stands: its key, and the key of the object or array around it.
struct Place {
  std::string_view key;
  std::string_view parent;
};

/// Strings of FHIR that are codes of the standard and never name anybody.
bool is_fhir_code(std::string_view key) {
  static const std::set<std::string_view> codes = {
      "system",  "code",      "url",  "resourceType", "status", "use",
      "profile", "unit",      "type", "intent",       "mode",   "comparator",
      "method",  "versionId", "lang", "contentType",  "gender", "language"};
  return codes.contains(key);
}

std::string fhir_label(const Place& place, std::string_view text) {
  const auto [key, parent] = place;
  if (key == "value" && parent == "telecom")
    return text.find('@') != std::string_view::npos ? "EMAIL" : "PHONE";
  if (key == "value" && parent == "identifier") return "MEDICALRECORD";
  if (key == "text" && parent == "name") return "PATIENT";
  if (key == "text" && parent == "address") return "STREET";
  if (key == "name") return "HOSPITAL";
  static const std::set<std::string_view> labelled = {
      "family", "given", "line", "city", "district", "postalCode", "birthDate", "deceasedDateTime"};
  return labelled.contains(key) ? label_of_name(key) : std::string();
}

/// Walks over JSON that parse_json accepted, with the byte places that it does not give.
class JsonWalker {
 public:
  JsonWalker(const std::string& file, bool fhir, i64 offset)
      : file_(file), at_(static_cast<std::size_t>(offset)), fhir_(fhir) {}

  std::vector<Field> walk() {
    value({});
    return std::move(fields_);
  }

 private:
  char peek() {
    while (at_ < file_.size() &&
           std::string_view(" \t\r\n").find(file_[at_]) != std::string_view::npos)
      ++at_;
    return at_ < file_.size() ? file_[at_] : '\0';
  }

  /// The literal at at_, quotes included; moves behind it.
  std::string_view literal() {
    const std::size_t begin = at_;
    for (++at_; file_[at_] != '"'; ++at_) {
      if (file_[at_] == '\\') ++at_;
    }
    ++at_;
    return std::string_view(file_).substr(begin, at_ - begin);
  }

  void value(const Place& place) {
    switch (peek()) {
      case '{':
        object(place);
        break;
      case '[':
        array(place);
        break;
      case '"':
        string(place);
        break;
      default:
        scalar(place);
    }
  }

  void object(const Place& place) {
    const std::string url_before = std::move(url_);
    url_.clear();
    for (++at_; peek() != '}';) {
      const std::string_view quoted = literal();
      const std::string_view key = quoted.substr(1, quoted.size() - 2);
      peek();
      ++at_;  // the colon
      value({.key = key, .parent = place.key});
      if (peek() == ',') ++at_;
      peek();
    }
    ++at_;
    url_ = url_before;
  }

  void array(const Place& place) {
    for (++at_; peek() != ']';) {
      value(place);
      if (peek() == ',') ++at_;
    }
    ++at_;
  }

  void string(const Place& place) {
    const i64 begin = static_cast<i64>(at_) + 1;
    const std::string_view quoted = literal();
    const i64 end = static_cast<i64>(at_) - 1;
    std::string text = Json::parse(quoted).get<std::string>();
    if (place.key == "url") url_ = text;
    if (text.empty() || (fhir_ && is_fhir_code(place.key))) return;
    Field field = {.range = {begin, end}, .text = {}, .label = {}, .coding = Coding::json};
    if (fhir_ && place.key == "data") {
      field.text = base64_decoded(text);
      field.coding = Coding::base64_json;
      if (field.text.empty() || !is_utf8(field.text)) {
        // a picture or a PDF inside: nothing here can look into it
        field.text = "binary";
        field.label = "PHOTO";
      }
    } else {
      field.label = fhir_ ? fhir_label(place, text) : label_of_name(place.key);
      field.text = std::move(text);
    }
    fields_.push_back(std::move(field));
  }

  /// A number, true, false or null; numbers that name somebody become strings.
  void scalar(const Place& place) {
    const std::size_t begin = at_;
    at_ = std::min(file_.find_first_of(",]} \t\r\n", at_), file_.size());
    const std::string text = file_.substr(begin, at_ - begin);
    const bool number = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    if (!number) return;
    const bool position = fhir_ && (url_ == "latitude" || url_ == "longitude");
    std::string label = position ? "LOCATION_OTHER"
                        : fhir_  ? std::string()
                                 : label_of_name(place.key);
    constexpr std::size_t shortest_identifier = 7;
    if (label.empty() && (fhir_ || text.size() < shortest_identifier ||
                          text.find_first_of(".eE-") != std::string::npos))
      return;
    fields_.push_back({.range = {static_cast<i64>(begin), static_cast<i64>(at_)},
                       .text = text,
                       .label = std::move(label),
                       .coding = Coding::json_number});
  }

  const std::string& file_;
  std::size_t at_;
  bool fhir_;
  std::string url_;  ///< of the extension around the value
  std::vector<Field> fields_;
};

}  // namespace

std::vector<Field> json_fields(const std::string& file, const std::string& source) {
  const Json json = parse_json(file, source);
  const bool fhir = json.is_object() && json.contains("resourceType");
  return JsonWalker(file, fhir, 0).walk();
}

std::vector<Field> json_lines_fields(const std::string& file, const std::string& source) {
  std::vector<Field> fields;
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t end = std::min(file.find('\n', at), file.size());
    const std::string line = file.substr(at, end - at);
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      for (Field& field : json_fields(line, source)) {
        field.range.begin += static_cast<i64>(at);
        field.range.end += static_cast<i64>(at);
        fields.push_back(std::move(field));
      }
    }
    at = end + 1;
  }
  return fields;
}

}  // namespace medlar::clinical
