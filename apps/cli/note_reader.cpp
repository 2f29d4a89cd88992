#include "note_reader.h"

#include <algorithm>
#include <ctime>

#include "base/error.h"
#include "fmt/format.h"

namespace medlar::cli {
namespace {

using clinical::Analysis;
using clinical::Document;

std::string text_of(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Analysis NoteReader::read(const Document& note) const {
  Analysis read =
      analyzer.analyze(note, find ? find(note) : std::vector<clinical::Span>{}, analysis);
  read.producers.push_back(producer.empty() ? "no model" : producer);
  return read;
}

Json NoteReader::json(const Document& note, const Analysis& read) const {
  Json json = clinical::analysis_json(note, read, output);
  if (raw) json["raw"] = clinical::spans_json(note, read.raw, output.unit);
  return json;
}

const std::vector<NoteFormat>& note_formats() {
  static const std::vector<NoteFormat> formats = {
      {.name = "terminal", .ending = ".txt", .holds_many = true},
      {.name = "json", .ending = ".json"},
      {.name = "jsonl", .ending = ".jsonl", .holds_many = true},
      {.name = "csv", .ending = ".csv", .header_lines = 1, .holds_many = true},
      {.name = "brat", .ending = ".ann"},
      {.name = "pubtator", .ending = ".pubtator", .holds_many = true},
      {.name = "conll", .ending = ".conll", .holds_many = true},
      {.name = "html", .ending = ".html"},
      {.name = "fhir", .ending = ".fhir.json"},
      {.name = "omop", .ending = ".note_nlp.csv", .header_lines = 1, .holds_many = true}};
  return formats;
}

const NoteFormat& note_format_named(std::string_view name) {
  const auto found = std::ranges::find(note_formats(), name, &NoteFormat::name);
  if (found == note_formats().end()) fail(ErrorCode::usage, "no format {}", name);
  return *found;
}

std::string rendered(const NoteFormat& format, const NoteReader& reader, const Document& note,
                     const Analysis& analysis, clinical::Colours colours) {
  if (format.name == "json") return text_of(reader.json(note, analysis), 2);
  if (format.name == "jsonl") return text_of(reader.json(note, analysis), -1);
  if (format.name == "csv") return clinical::analysis_csv(note, analysis, reader.output);
  if (format.name == "brat") return clinical::analysis_brat(note, analysis);
  if (format.name == "pubtator") return clinical::analysis_pubtator(note, analysis);
  if (format.name == "conll") return clinical::analysis_conll(note, analysis);
  if (format.name == "html") return clinical::analysis_html(note, analysis, reader.output);
  if (format.name == "omop") return clinical::analysis_omop(note, analysis, reader.output);
  if (format.name == "fhir")
    return text_of(clinical::analysis_fhir(note, analysis, reader.output), 2);
  return clinical::analysis_terminal(note, analysis, colours);
}

std::string time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace medlar::cli
