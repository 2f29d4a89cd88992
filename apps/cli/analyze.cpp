// medlar analyze: a clinical note read by rules, dictionaries and, if one is named, a model.
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <memory>

#include "base/threads.h"
#include "clinical/model_spans.h"
#include "clinical/outputs/outputs.h"
#include "formats/pending_file.h"
#include "session.h"

namespace medlar::cli {
namespace {

using clinical::Analysis;
using clinical::Document;
using clinical::Span;

struct AnalyzeOptions {
  std::string file = "-";
  std::string model;
  std::string format = "terminal";
  std::string out;
  std::string offsets = "scalars";
  std::string overlaps = "longest";
  std::string date;
  bool jsonl = false;
  bool raw = false;
  MachineOptions machine;
};

/// Spans of a model in a note; empty where there is no model.
using FindSpans = std::function<std::vector<Span>(const Document&)>;

/// What a line or a file is read with; the same for all of them.
struct Reader {
  clinical::Analyzer analyzer;
  clinical::AnalysisOptions analysis;
  clinical::OutputOptions output;
  FindSpans find;
  std::string producer;  ///< of the model, "" where there is none
  bool raw = false;
};

std::string time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

Analysis read_note(const Reader& reader, const Document& note) {
  Analysis analysis = reader.analyzer.analyze(
      note, reader.find ? reader.find(note) : std::vector<Span>{}, reader.analysis);
  analysis.producers.push_back(reader.producer.empty() ? "no model" : reader.producer);
  return analysis;
}

Json json_of(const Reader& reader, const Document& note, const Analysis& analysis) {
  Json json = clinical::analysis_json(note, analysis, reader.output);
  if (reader.raw) json["raw"] = clinical::spans_json(note, analysis.raw, reader.output.unit);
  return json;
}

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string rendered(const std::string& format, const Reader& reader, const Document& note,
                     const Analysis& analysis, clinical::Colours colours) {
  if (format == "json") {
    return json_of(reader, note, analysis).dump(2, ' ', false, Json::error_handler_t::replace) +
           "\n";
  }
  if (format == "jsonl") return one_line(json_of(reader, note, analysis));
  if (format == "csv") return clinical::analysis_csv(note, analysis, reader.output);
  if (format == "brat") return clinical::analysis_brat(note, analysis);
  if (format == "pubtator") return clinical::analysis_pubtator(note, analysis);
  if (format == "conll") return clinical::analysis_conll(note, analysis);
  if (format == "html") return clinical::analysis_html(note, analysis, reader.output);
  if (format == "omop") return clinical::analysis_omop(note, analysis, reader.output);
  if (format == "fhir") {
    return clinical::analysis_fhir(note, analysis, reader.output)
               .dump(2, ' ', false, Json::error_handler_t::replace) +
           "\n";
  }
  return clinical::analysis_terminal(note, analysis, colours);
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
Answer answer_to(const Reader& reader, const std::string& line, i64 number) {
  Json answer = {{"id", nullptr}};
  try {
    LineNote note = note_of_line(line);
    answer["id"] = std::move(note.id);
    const Document document(std::move(note.text));
    Json result = json_of(reader, document, read_note(reader, document));
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
Result filter(const AnalyzeOptions& options, const Reader& reader, const Console& console) {
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

Result analyze_with(const AnalyzeOptions& options, const Reader& reader, const Console& console) {
  if (options.jsonl) return filter(options, reader, console);
  const Document note(
      read_input(options.file),
      options.file == "-" ? "" : std::filesystem::path(options.file).filename().string());
  const Analysis analysis = read_note(reader, note);
  const bool colours = options.out.empty() && ::isatty(STDOUT_FILENO) == 1;
  const std::string text = rendered(options.format, reader, note, analysis,
                                    colours ? clinical::Colours::yes : clinical::Colours::no);
  if (options.out.empty()) {
    console.write(text);
  } else {
    formats::write_file(options.out, text);
    console.line(fmt::format("{} spans, {}", analysis.spans.size(), options.out));
  }
  return {.data = json_of(reader, note, analysis)};
}

Result analyze(const AnalyzeOptions& options, const Console& console) {
  Reader reader = {
      .analyzer = clinical::Analyzer(options.model.empty() ? clinical::Linking::by_name
                                                           : clinical::Linking::by_similarity),
      .analysis = {.note_date = options.date,
                   .overlaps = clinical::overlaps_named(options.overlaps)},
      .output = {.unit = clinical::offset_unit_named(options.offsets),
                 .version = MEDLAR_VERSION,
                 .time = time_now()},
      .find = {},
      .producer = {},
      .raw = options.raw};
  if (options.model.empty()) return analyze_with(options, reader, console);
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  reader.producer = "model: " + options.model;
  Result result;
  with_model(options.model, options.machine, console,
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
  app->add_option("file", options->file, "Note, - for stdin")->capture_default_str();
  app->add_option("--model", options->model,
                  "Token classifier to read with besides rules and dictionaries");
  app->add_option("--format", options->format,
                  "terminal, json, jsonl, csv, brat, pubtator, conll, html, fhir or omop")
      ->check(CLI::IsMember({"terminal", "json", "jsonl", "csv", "brat", "pubtator", "conll",
                             "html", "fhir", "omop"}))
      ->capture_default_str();
  app->add_option("--out", options->out, "File to write to instead of stdout");
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
