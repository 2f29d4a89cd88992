#include "clinical/outputs/outputs.h"

namespace medlar::clinical {

std::string attribute(const Span& span, const std::string& name) {
  const auto found = span.attributes.find(name);
  return found == span.attributes.end() ? "" : found->second;
}

Json spans_json(const Document& note, const std::vector<Span>& spans, OffsetUnit unit) {
  const OffsetTable offset(note.text(), unit);
  Json list = Json::array();
  for (const Span& span : spans) {
    Json attributes = Json::object();
    for (const auto& [name, value] : span.attributes) attributes[name] = value;
    list.push_back({{"start", offset(span.range.begin)},
                    {"end", offset(span.range.end)},
                    {"text", note.text(span.range)},
                    {"label", span.label},
                    {"score", span.score},
                    {"producer", span.producer},
                    {"evidence", span.evidence},
                    {"attributes", std::move(attributes)}});
  }
  return list;
}

Json analysis_json(const Document& note, const Analysis& analysis, const OutputOptions& options) {
  const OffsetTable offset(note.text(), options.unit);
  Json sections = Json::array();
  for (const Section& section : analysis.sections) {
    sections.push_back(
        {{"name", section.name},
         {"start", offset(section.heading.size() > 0 ? section.heading.begin : section.body.begin)},
         {"end", offset(section.body.end)}});
  }
  return {{"id", note.id()},
          {"digest", note.digest()},
          {"offsets", name_of(options.unit)},
          {"note_date", analysis.note_date},
          {"producers", analysis.producers},
          {"text", note.text()},
          {"sections", std::move(sections)},
          {"spans", spans_json(note, analysis.spans, options.unit)}};
}

}  // namespace medlar::clinical
