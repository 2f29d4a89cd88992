// medlar analyze over files of records and folders.
#include "note_files.h"

#include <unistd.h>

#include "clinical/records/folder_walk.h"
#include "formats/pending_file.h"

namespace medlar::cli {
namespace {

namespace fs = std::filesystem;
using clinical::Analysis;
using clinical::Document;
using clinical::RecordNote;

/// What several notes came to.
struct Tally {
  i64 notes = 0;
  i64 spans = 0;

  std::string text() const { return fmt::format("{} notes, {} spans", notes, spans); }
};

std::string document_id(const fs::path& file, const RecordNote& note) {
  const std::string name = file == "-" ? "" : file.filename().string();
  return note.id.empty() ? name : name + "#" + note.id;
}

/// `text` without its first lines.
std::string_view without_lines(std::string_view text, int count) {
  for (; count > 0; --count) text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  return text;
}

/// A file for each note: <name><ending>, <name>-2<ending>, ... BRAT wants the text beside it.
Tally write_apart(const NoteReader& reader, const NoteFormat& format, const fs::path& file,
                  std::vector<RecordNote> notes, const fs::path& stem) {
  Tally tally;
  for (RecordNote& one : notes) {
    const std::string id = document_id(file, one);
    const Document note(std::move(one.text), id);
    const Analysis analysis = reader.read(note);
    const std::string number = ++tally.notes == 1 ? "" : fmt::format("-{}", tally.notes);
    const std::string target = stem.string() + number;
    formats::write_file(target + std::string(format.ending),
                        rendered(format, reader, note, analysis));
    if (format.name == "brat") formats::write_file(target + ".txt", std::string(note.text()));
    tally.spans += ssize_of(analysis.spans);
  }
  return tally;
}

Result analyze_one(const NoteReader& reader, const NoteFormat& format, const NoteJob& job,
                   RecordNote& only, const Console& console) {
  const std::string id = document_id(job.input, only);
  const Document note(std::move(only.text), id);
  const Analysis analysis = reader.read(note);
  const bool colours = job.out.empty() && ::isatty(STDOUT_FILENO) == 1;
  const std::string text = rendered(format, reader, note, analysis,
                                    colours ? clinical::Colours::yes : clinical::Colours::no);
  if (job.out.empty()) {
    console.write(text);
  } else {
    formats::write_file(job.out, text);
    console.line(fmt::format("{} spans, {}", analysis.spans.size(), job.out.string()));
  }
  return {.data = reader.json(note, analysis)};
}

Result analyze_many(const NoteReader& reader, const NoteFormat& format, const NoteJob& job,
                    std::vector<RecordNote> notes, const Console& console) {
  std::string text;
  Tally tally;
  Json data = Json::array();
  for (RecordNote& one : notes) {
    stop_if_interrupted();
    const std::string id = document_id(job.input, one);
    const Document note(std::move(one.text), id);
    const Analysis analysis = reader.read(note);
    const std::string own = rendered(format, reader, note, analysis);
    text += without_lines(own, tally.notes == 0 ? 0 : format.header_lines);
    if (format.header_lines == 0 && format.name != "jsonl") text += '\n';
    if (console.json) data.push_back(reader.json(note, analysis));
    ++tally.notes;
    tally.spans += ssize_of(analysis.spans);
  }
  if (job.out.empty()) {
    console.write(text);
  } else {
    formats::write_file(job.out, text);
    console.line(fmt::format("{}, {}", tally.text(), job.out.string()));
  }
  return {.data = {{"notes", std::move(data)}}};
}

}  // namespace

Result analyze_file(const NoteReader& reader, const NoteJob& job, const Console& console) {
  const NoteFormat& format = note_format_named(job.format);
  std::vector<RecordNote> notes =
      clinical::notes_of(read_input(job.input.string()), job.input, job.columns);
  if (notes.size() == 1) return analyze_one(reader, format, job, notes.front(), console);
  if (notes.empty())
    fail(ErrorCode::invalid_argument, "{} holds no note", job.input.filename().string());
  if (format.holds_many) return analyze_many(reader, format, job, std::move(notes), console);
  if (job.out.empty())
    fail(ErrorCode::usage, "{} holds {} notes: as {} they need --out with a folder",
         job.input.filename().string(), notes.size(), format.name);
  fs::create_directories(job.out);
  const Tally tally =
      write_apart(reader, format, job.input, std::move(notes), job.out / job.input.filename());
  console.line(fmt::format("{}, {}", tally.text(), job.out.string()));
  return {.data = {{"notes", tally.notes}, {"spans", tally.spans}}};
}

Result analyze_folder(NoteReader& reader, const NoteJob& job, const Console& console) {
  if (job.out.empty()) fail(ErrorCode::usage, "a folder needs --out");
  const NoteFormat& format = note_format_named(job.format);
  Tally all;
  i64 files = 0;
  i64 failed = 0;
  const auto process = [&](const fs::path& file, const std::string& bytes) {
    const fs::path relative = file.lexically_relative(job.input);
    Json entry = {{"name", relative.string()}, {"input_sha256", clinical::file_digest(bytes)}};
    try {
      const fs::path stem = job.out / relative;
      fs::create_directories(stem.parent_path());
      const Tally tally =
          write_apart(reader, format, file, clinical::notes_of(bytes, file, job.columns), stem);
      entry["notes"] = tally.notes;
      entry["spans"] = tally.spans;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::io || error.code() == ErrorCode::cancelled) throw;
      entry["error"] = name_of(error.code());
    }
    return entry;
  };
  const auto count = [&](const Json& entry) {
    ++files;
    failed += entry.contains("error") ? 1 : 0;
    all.notes += entry.value("notes", i64{0});
    all.spans += entry.value("spans", i64{0});
  };
  clinical::walk_folder(
      {.input = job.input,
       .output = job.out,
       .journal = "journal.jsonl",
       .resume = job.resume ? clinical::Resume::at_journal : clinical::Resume::no,
       // formats that name a time name that of the begin, so that a resumed run writes the same
       .header = {{"begun", reader.output.time},
                  {"format", format.name},
                  {"model", reader.producer}},
       .between_files = stop_if_interrupted},
      {.begin =
           [&](const Json& header) {
             if (header.value("format", "") != format.name ||
                 header.value("model", "") != reader.producer)
               fail(ErrorCode::usage, "--out was begun with another --format or --model");
             reader.output.time = header.value("begun", reader.output.time);
           },
       .process = process,
       .count = count});
  console.line(fmt::format("{} files, {} failed, {}", files, failed, all.text()));
  return {
      .data = {{"files", files}, {"failed", failed}, {"notes", all.notes}, {"spans", all.spans}},
      .passed = failed == 0};
}

}  // namespace medlar::cli
