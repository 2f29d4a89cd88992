#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clinical/assertion.h"
#include "clinical/dates.h"
#include "clinical/dictionary.h"
#include "clinical/document.h"
#include "clinical/labs.h"
#include "clinical/linking.h"
#include "clinical/medications.h"
#include "clinical/sections.h"
#include "clinical/sentences.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// What becomes of spans that overlap.
enum class Overlaps {
  longest,   ///< the longer stays, then the one with the higher score, then the first
  score,     ///< the higher score stays, then the longer, then the first
  keep_all,  ///< all stay
};

/// longest, score or keep-all. Throws usage for another word.
Overlaps overlaps_named(std::string_view name);

struct AnalysisOptions {
  std::string note_date;  ///< ISO; "" takes it from a heading of the note ("Date of service: ...")
  Overlaps overlaps = Overlaps::longest;
};

/// A sentence of a note, with its words and the section that it stands in.
struct NoteSentence {
  ByteRange range;
  i64 section = 0;
  std::vector<Word> words;
};

/// A note, read: its spans by their begin, each with the attribute "section" and, for findings,
/// "assertion" (one word) and one attribute for each axis that is set ("negated": "yes").
struct Analysis {
  std::vector<Section> sections;
  std::vector<ByteRange> sentences;
  std::string note_date;  ///< ISO, "" where it is not known
  std::vector<Span> spans;
  std::vector<Span> raw;  ///< everything found, before it was cut, resolved or assessed
  std::vector<std::string> producers;  ///< what looked for spans, found or not
};

/// How spans get codes.
enum class Linking {
  by_name,        ///< those that the dictionary found have theirs
  by_similarity,  ///< a model's diseases too, through a Linker (a quarter of a second to make)
};

/// Reads notes by rules and dictionaries, and puts what a model found among it. Immutable, so safe
/// to share between threads.
class Analyzer {
 public:
  explicit Analyzer(Linking linking = Linking::by_name);

  /// `found`: spans of a model in the note's bytes.
  Analysis analyze(const Document& note, const std::vector<Span>& found = {},
                   const AnalysisOptions& options = {}) const;

 private:
  std::vector<NoteSentence> read_sentences(std::string_view text,
                                           const std::vector<Section>& sections) const;
  void assess(std::string_view text, const std::vector<NoteSentence>& sentences,
              Analysis& analysis) const;

  std::vector<Span> spans_of(std::string_view text, const NoteSentence& sentence,
                             const std::optional<std::chrono::sys_days>& note_date) const;

  void link(std::string_view text, Span& span) const;

  Terminology diseases_;
  std::unique_ptr<const Linker> linker_;  ///< null where linking is by name
  Dictionary dictionary_;
  SectionFinder sections_;
  SentenceSplitter sentences_;
  AssertionRules assertions_;
  MedicationRules medications_;
  LabRules labs_;
};

/// One list by begin, then end, with overlaps resolved. n log n.
std::vector<Span> resolved(std::vector<Span> spans, Overlaps overlaps);

/// True for what a note can affirm or deny: findings and medications, not dates, values or ages.
bool has_assertion(std::string_view label);

/// Parts of a model's span that punctuation separates (a comma or semicolon with a blank behind, a
/// line end where a sentence begins): one diagnosis each. `sentences` by their begin.
std::vector<Span> split_at_separators(std::string_view text, const Span& span,
                                      std::span<const ByteRange> sentences);

}  // namespace medlar::clinical
