// medlar analyze: a clinical note read by rules, dictionaries and, if one is named, a model.
#include <fstream>
#include <memory>

#include "base/threads.h"
#include "clinical/model_spans.h"
#include "note_files.h"
#include "runtime/shipped_models.h"
#include "session.h"

namespace medlar::cli {
namespace {

using clinical::Document;
using clinical::Span;

struct AnalyzeOptions {
  std::string file = "-";
  std::string model;
  bool no_model = false;
  std::string format = "terminal";
  std::string out;
  std::string offsets = "scalars";
  std::string overlaps = "longest";
  std::string date;
  clinical::NoteColumns columns;
  bool resume = false;
  bool jsonl = false;
  bool raw = false;
  MachineOptions machine;
};

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// {"id", "text"} of a line; the id is kept as it is.
struct LineNote {
  Json id;
  std::string text;
};

LineNote note_of_line(const std::string& line) {
  const Json json = parse_json(line, "the line");
  if (!json.is_object() || !json.contains("text") || !json["text"].is_string())
    fail(ErrorCode::corrupt_file, "the line is no object with a string \"text\"");
  return {.id = json.value("id", Json()), .text = json["text"].get<std::string>()};
}

struct Answer {
  std::string line;
  bool failed = false;
};

/// The answer to one line: its spans, or its error.
Answer answer_to(const NoteReader& reader, const std::string& line, i64 number) {
  Json answer = {{"id", nullptr}};
  try {
    LineNote note = note_of_line(line);
    answer["id"] = std::move(note.id);
    const Document document(std::move(note.text));
    Json result = reader.json(document, reader.read(document));
    result["id"] = answer["id"];
    return {.line = one_line(result)};
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) throw;
    answer["error"] = {
        {"code", name_of(error.code())}, {"message", error.what()}, {"line", number}};
    return {.line = one_line(answer), .failed = true};
  }
}

/// Lines in, lines out, in the same order; without a model on all threads.
Result filter(const AnalyzeOptions& options, const NoteReader& reader, const Console& console) {
  constexpr i64 batch_lines = 256;
  ThreadPool pool(reader.find ? 1 : options.machine.threads_per_rank());
  std::ofstream file;
  if (!options.out.empty()) file.open(options.out, std::ios::binary);
  std::vector<std::string> lines;
  i64 count = 0;
  i64 failed = 0;
  const auto answer = [&] {
    std::vector<Answer> answers(lines.size());
    pool.parallel_for(ssize_of(lines), 1, [&](i64 begin, i64 end) {
      for (i64 i = begin; i < end; ++i) {
        const auto place = static_cast<std::size_t>(i);
        answers[place] = answer_to(reader, lines[place], count + i + 1);
      }
    });
    for (const Answer& one : answers) {
      failed += one.failed ? 1 : 0;
      if (options.out.empty()) console.write(one.line);
      if (!options.out.empty()) file << one.line;
    }
    count += ssize_of(lines);
    lines.clear();
  };
  for_each_line(options.file, [&](const std::string& line) {
    lines.push_back(line);
    if (ssize_of(lines) == batch_lines || reader.find) answer();
  });
  answer();
  if (!options.out.empty() && !file.flush()) fail(ErrorCode::io, "cannot write {}", options.out);
  return {.data = {{"lines", count}, {"failed", failed}}, .passed = true};
}

Result analyze_with(const AnalyzeOptions& options, NoteReader& reader, const Console& console) {
  if (options.jsonl) return filter(options, reader, console);
  const bool is_folder = options.file != "-" && std::filesystem::is_directory(options.file);
  const NoteJob job = {
      .input = options.file,
      .out = options.out,
      .format = is_folder && options.format == "terminal" ? "json" : options.format,
      .columns = options.columns,
      .resume = options.resume};
  return is_folder ? analyze_folder(reader, job, console) : analyze_file(reader, job, console);
}

/// The model to read with, "" for none.
std::string model_of(const AnalyzeOptions& options) {
  if (options.no_model || !options.model.empty()) return options.model;
  return runtime::shipped_model("medlar-ner").value_or("").string();
}

/// A model's name, without the folders of this machine.
std::string producer_of(const std::string& model) {
  return "model: " + std::filesystem::path(model).stem().string();
}

Result analyze(const AnalyzeOptions& options, const Console& console) {
  const std::string model = model_of(options);
  NoteReader reader = {
      .analyzer = clinical::Analyzer(model.empty() ? clinical::Linking::by_name
                                                   : clinical::Linking::by_similarity),
      .analysis = {.note_date = options.date,
                   .overlaps = clinical::overlaps_named(options.overlaps)},
      .output = {.unit = clinical::offset_unit_named(options.offsets),
                 .version = MEDLAR_VERSION,
                 .time = time_now()},
      .find = {},
      .producer = {},
      .raw = options.raw};
  if (model.empty()) return analyze_with(options, reader, console);
  const text::Tokenizer tokenizer = tokenizer_of(model);
  reader.producer = producer_of(model);
  Result result;
  with_model(model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64) {
               reader.find = [&](const Document& note) {
                 return clinical::model_spans(runner, tokenizer, note, reader.producer,
                                              progress_of(console, "reading"));
               };
               result = analyze_with(options, reader, console);
             });
  return result;
}

}  // namespace

Command add_analyze(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "analyze", "A clinical note: findings, medications, values, and what is said of them");
  const auto options = std::make_shared<AnalyzeOptions>();
  app->add_option(
         "file", options->file,
         "Note (text, PDF, DOCX), records (HL7 v2, C-CDA, FHIR, JSON lines, CSV), a folder "
         "of them, - for stdin")
      ->capture_default_str();
  app->add_option("--model", options->model,
                  "Token classifier to read with (default: medlar-ner, which ships)");
  app->add_flag("--no-model", options->no_model, "Rules and dictionaries alone")
      ->excludes("--model");
  std::vector<std::string> formats;
  for (const NoteFormat& format : note_formats()) formats.emplace_back(format.name);
  app->add_option("--format", options->format, "How findings are written (a folder: json)")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
  app->add_option("--out", options->out,
                  "File to write to instead of stdout; a folder for a folder");
  app->add_flag("--resume", options->resume, "Go on with a folder that was broken off");
  app->add_option("--column", options->columns.text,
                  "Column of a CSV file that holds the notes (default: text, note, ...)");
  app->add_option("--id-column", options->columns.id,
                  "Column that names them (default: id, note_id, ..., else the row)");
  app->add_flag("--jsonl", options->jsonl,
                "A filter: lines {\"id\", \"text\"} in, lines with \"spans\" out, in order");
  app->add_option("--offsets", options->offsets, "Unit of offsets: scalars, bytes or utf16")
      ->check(CLI::IsMember({"scalars", "bytes", "utf16"}))
      ->capture_default_str();
  app->add_option("--overlaps", options->overlaps,
                  "Which of overlapping spans stay: longest, score or keep-all")
      ->check(CLI::IsMember({"longest", "score", "keep-all"}))
      ->capture_default_str();
  app->add_option("--date", options->date,
                  "Day of the note, 2024-03-05 (default: from a heading of the note)");
  app->add_flag("--raw", options->raw, "Also everything found before it was resolved, in JSON");
  options->machine.add_threads(*app);
  app->footer("Example: medlar analyze note.txt --format html --out note.html");
  return {app, [options](const Console& console) { return analyze(*options, console); }};
}

}  // namespace medlar::cli
