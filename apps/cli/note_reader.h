#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "clinical/analysis.h"
#include "clinical/outputs/outputs.h"

namespace medlar::cli {

/// Spans of a model in a note; empty where there is no model.
using FindSpans = std::function<std::vector<clinical::Span>(const clinical::Document&)>;

/// What notes are read with; the same for all of them.
struct NoteReader {
  clinical::Analyzer analyzer;
  clinical::AnalysisOptions analysis;
  clinical::OutputOptions output;
  FindSpans find;
  std::string producer;  ///< of the model, "" where there is none
  bool raw = false;      ///< JSON has everything found too

  clinical::Analysis read(const clinical::Document& note) const;
  Json json(const clinical::Document& note, const clinical::Analysis& analysis) const;
};

/// A format that `medlar analyze` writes.
struct NoteFormat {
  std::string_view name;
  std::string_view ending;  ///< of files
  /// What several notes in one file begin with, once: lines of a header.
  int header_lines = 0;
  bool holds_many = false;  ///< several notes may stand in one file
};

const std::vector<NoteFormat>& note_formats();
const NoteFormat& note_format_named(std::string_view name);

/// A note that was read, in a format.
std::string rendered(const NoteFormat& format, const NoteReader& reader,
                     const clinical::Document& note, const clinical::Analysis& analysis,
                     clinical::Colours colours = clinical::Colours::no);

/// Now, as "2026-03-12T10:00:00Z".
std::string time_now();

}  // namespace medlar::cli
