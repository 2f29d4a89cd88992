// FHIR R4: what people wrote in resources.
#include <algorithm>
#include <map>

#include "clinical/records/notes.h"
#include "clinical/records/records.h"

namespace medlar::clinical {
namespace {

/// A narrative's XHTML as text: tags are gone, blocks end lines, the five entities of XML are read.
std::string plain_text(std::string_view xhtml) {
  static constexpr std::pair<std::string_view, char> entities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&#39;", '\''}};
  std::string text;
  for (std::size_t at = 0; at < xhtml.size();) {
    const std::string_view rest = xhtml.substr(at);
    if (rest.front() == '<') {
      const bool block = rest.starts_with("</p") || rest.starts_with("</div") ||
                         rest.starts_with("<br") || rest.starts_with("</tr") ||
                         rest.starts_with("</li") || rest.starts_with("</h");
      if (block && !text.ends_with('\n')) text += '\n';
      at = std::min(xhtml.find('>', at), xhtml.size() - 1) + 1;
      continue;
    }
    const auto* const found = std::ranges::find_if(
        entities, [&](const auto& entity) { return rest.starts_with(entity.first); });
    const bool known = found != std::end(entities);
    text += known ? found->second : rest.front();
    at += known ? found->first.size() : 1;
  }
  return text;
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

class FhirNotes {
 public:
  std::vector<RecordNote> read(const Json& resource) {
    visit(resource, "");
    return std::move(notes_);
  }

 private:
  void add(const std::string& owner, std::string text) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return;
    const i64 number = ++count_[owner];
    notes_.push_back({.id = number == 1 ? owner : owner + "#" + std::to_string(number),
                      .text = std::move(text)});
  }

  /// The text of an Attachment; a PDF's too, nothing for pictures.
  void add_attachment(const std::string& owner, const Json& attachment) {
    std::string bytes = base64_decoded(text_at(attachment, "data"));
    if (bytes.starts_with("%PDF-")) bytes = extracted_text(bytes, RecordFormat::pdf, owner);
    const std::string type = text_at(attachment, "contentType");
    const bool markup = type.find("html") != std::string::npos;
    if (is_utf8(bytes) && bytes.find('\0') == std::string::npos)
      add(owner, markup ? plain_text(bytes) : std::move(bytes));
  }

  void visit(const Json& value, const std::string& owner) {
    if (value.is_array()) {
      for (const Json& one : value) visit(one, owner);
    }
    if (!value.is_object()) return;
    const std::string type = text_at(value, "resourceType");
    const std::string id = text_at(value, "id");
    const std::string own = type.empty() ? owner : id.empty() ? type : type + "/" + id;
    if (value.contains("data") && value.contains("contentType")) add_attachment(own, value);
    if (own.starts_with("Composition") && type.empty() && value.contains("div"))
      add(own, plain_text(text_at(value, "div")));
    if (type == "DiagnosticReport") add(own, text_at(value, "conclusion"));
    if (const auto note = value.find("note"); note != value.end() && note->is_array()) {
      for (const Json& annotation : *note) {
        if (annotation.is_object()) add(own, text_at(annotation, "text"));
      }
    }
    for (const auto& [key, member] : value.items()) {
      // a resource's own narrative repeats its data
      if (key == "text" && !type.empty()) continue;
      visit(member, own);
    }
  }

  std::vector<RecordNote> notes_;
  std::map<std::string, i64> count_;  ///< notes of each resource
};

}  // namespace

std::vector<RecordNote> fhir_notes(const Json& resource) { return FhirNotes().read(resource); }

}  // namespace medlar::clinical
