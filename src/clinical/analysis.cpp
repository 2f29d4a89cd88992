#include "clinical/analysis.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "base/error.h"
#include "clinical/data_files.h"
#include "clinical/model_spans.h"

namespace medlar::clinical {
namespace {

constexpr std::array<std::string_view, 4> plain_labels = {"date", "age", "lab", "vital"};

/// A total order, so that sorting gives the same list always.
bool stands_before(const Span& a, const Span& b) {
  return std::tie(a.range.begin, a.range.end, a.label, a.producer) <
         std::tie(b.range.begin, b.range.end, b.label, b.producer);
}

/// Order of choice among spans that overlap.
bool is_better(const Span& a, const Span& b, Overlaps overlaps) {
  const bool by_score = overlaps == Overlaps::score;
  if (by_score && a.score != b.score) return a.score > b.score;
  if (a.range.size() != b.range.size()) return a.range.size() > b.range.size();
  if (!by_score && a.score != b.score) return a.score > b.score;
  return stands_before(a, b);
}

/// The date under a heading like "Date of service"; that of birth is none of the note's.
std::optional<std::chrono::sys_days> date_of_note(std::string_view text,
                                                  const std::vector<Section>& sections) {
  for (const Section& section : sections) {
    const std::string heading = normal_text(text_of(text, section.heading));
    if (section.name != "patient_information" || heading.find("date") == std::string::npos ||
        heading.find("birth") != std::string::npos)
      continue;
    const std::string_view body = text_of(text, section.body);
    if (const auto date = first_date(body.substr(0, body.find('\n')))) return date;
  }
  return {};
}

/// True where a medicine covers the begin of a value: "potassium chloride 20 mEq" is no chloride.
bool is_inside(const Span& value, const std::vector<Span>& medicines) {
  const auto next = std::partition_point(
      medicines.begin(), medicines.end(),
      [&](const Span& medicine) { return medicine.range.begin <= value.range.begin; });
  return next != medicines.begin() && value.range.begin < std::prev(next)->range.end;
}

}  // namespace

Overlaps overlaps_named(std::string_view name) {
  if (name == "longest") return Overlaps::longest;
  if (name == "score") return Overlaps::score;
  if (name == "keep-all") return Overlaps::keep_all;
  fail(ErrorCode::usage, "overlaps are resolved by longest, score or keep-all");
}

bool has_assertion(std::string_view label) {
  return std::find(plain_labels.begin(), plain_labels.end(), label) == plain_labels.end();
}

std::vector<Span> resolved(std::vector<Span> spans, Overlaps overlaps) {
  if (overlaps != Overlaps::keep_all) {
    std::sort(spans.begin(), spans.end(),
              [&](const Span& a, const Span& b) { return is_better(a, b, overlaps); });
    std::set<std::pair<i64, i64>> taken;  // disjoint ranges: begin, end
    std::erase_if(spans, [&](const Span& span) {
      const auto next = taken.lower_bound({span.range.end, 0});
      const bool overlaps_one = next != taken.begin() && std::prev(next)->second > span.range.begin;
      if (!overlaps_one) taken.emplace(span.range.begin, span.range.end);
      return overlaps_one;
    });
  }
  std::sort(spans.begin(), spans.end(), stands_before);
  return spans;
}

std::vector<Span> split_at_separators(std::string_view text, const Span& span,
                                      std::span<const ByteRange> sentences) {
  std::vector<Span> parts;
  const auto add = [&](i64 begin, i64 end) {
    std::string_view part = trimmed(text_of(text, {.begin = begin, .end = end}));
    if (part.starts_with("- ") || part.starts_with("* ")) part = trimmed(part.substr(2));
    if (part.empty()) return;
    Span own = span;
    own.range.begin = part.data() - text.data();
    own.range.end = own.range.begin + ssize_of(part);
    parts.push_back(std::move(own));
  };
  const auto begins_sentence = [&](i64 from, i64 to) {
    const auto next = std::partition_point(sentences.begin(), sentences.end(),
                                           [&](const ByteRange& one) { return one.begin < from; });
    return next != sentences.end() && next->begin < to;
  };
  i64 begin = span.range.begin;
  for (i64 i = begin; i + 1 < span.range.end; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    const char next = text[static_cast<std::size_t>(i + 1)];
    const bool is_mark = (c == ',' || c == ';') && (next == ' ' || next == '\n');
    if (!is_mark && (c != '\n' || !begins_sentence(i, span.range.end))) continue;
    add(begin, i);
    begin = i + 1;
  }
  add(begin, span.range.end);
  return parts;
}

Analyzer::Analyzer(Linking linking)
    : diseases_(disease_ontology()),
      linker_(linking == Linking::by_similarity ? std::make_unique<const Linker>(diseases_)
                                                : nullptr),
      dictionary_(diseases_) {}

/// Gives a model's disease the code of the concept that it most likely means.
void Analyzer::link(std::string_view text, Span& span) const {
  const bool is_disease = span.label == "disease" || span.label == "cancer";
  if (linker_ == nullptr || !is_disease || span.attributes.contains("code")) return;
  const Link found = linker_->link(text_of(text, span.range));
  const Candidate* best = found.best();
  if (best == nullptr) return;
  span.attributes["code"] = best->meaning->code;
  span.attributes["name"] = best->meaning->name;
  span.attributes["link_score"] = number_text(best->score);
  span.attributes["references"] = fmt::format("{}", fmt::join(best->meaning->references, " "));
}

std::vector<NoteSentence> Analyzer::read_sentences(std::string_view text,
                                                   const std::vector<Section>& sections) const {
  std::vector<NoteSentence> sentences;
  for (i64 i = 0; i < ssize_of(sections); ++i) {
    for (const ByteRange& range :
         sentences_.split(text, sections[static_cast<std::size_t>(i)].body))
      sentences.push_back({.range = range, .section = i, .words = words_of(text, range)});
  }
  return sentences;
}

void Analyzer::assess(std::string_view text, const std::vector<NoteSentence>& sentences,
                      Analysis& analysis) const {
  std::size_t next = 0;
  for (const NoteSentence& sentence : sentences) {
    const std::string& section = analysis.sections[static_cast<std::size_t>(sentence.section)].name;
    std::vector<ByteRange> targets;
    std::vector<Span*> asserted;
    for (; next < analysis.spans.size(); ++next) {
      Span& span = analysis.spans[next];
      if (span.range.begin >= sentence.range.end) break;
      if (!section.empty()) span.attributes["section"] = section;
      if (!has_assertion(span.label) || span.range.begin < sentence.range.begin) continue;
      targets.push_back(span.range);
      asserted.push_back(&span);
    }
    const std::vector<Assertion> assertions =
        assertions_.assess(text, sentence.words, targets, section);
    for (std::size_t i = 0; i < asserted.size(); ++i) {
      std::map<std::string, std::string>& attributes = asserted[i]->attributes;
      attributes["assertion"] = summary_of(assertions[i]);
      for (i64 axis = 0; axis < ssize_of(assertion_axes()); ++axis) {
        if (axis_of(assertions[i], axis))
          attributes[std::string(assertion_axes()[static_cast<std::size_t>(axis)])] = "yes";
      }
    }
  }
}

/// What rules and dictionaries find in a sentence.
std::vector<Span> Analyzer::spans_of(std::string_view text, const NoteSentence& sentence,
                                     const std::optional<std::chrono::sys_days>& note_date) const {
  std::vector<Span> spans = dictionary_.find(text, sentence.words);
  const auto add = [&](std::vector<Span> more) {
    std::move(more.begin(), more.end(), std::back_inserter(spans));
  };
  std::vector<Span> values = labs_.find(text, sentence.words);
  std::vector<Span> medicines = medications_.find(text, sentence.words);
  std::erase_if(values, [&](const Span& value) { return is_inside(value, medicines); });
  add(std::move(values));
  add(std::move(medicines));
  add(dates_and_ages(text, sentence.words, note_date));
  return spans;
}

Analysis Analyzer::analyze(const Document& note, const std::vector<Span>& found,
                           const AnalysisOptions& options) const {
  const std::string_view text = note.text();
  Analysis analysis = {.sections = sections_.find(text),
                       .sentences = {},
                       .note_date = options.note_date,
                       .spans = {},
                       .raw = {},
                       .producers = {"rules", "dictionary: " + diseases_.name + " " +
                                                  diseases_.version + ", word lists"}};
  const std::vector<NoteSentence> sentences = read_sentences(text, analysis.sections);
  for (const NoteSentence& sentence : sentences) analysis.sentences.push_back(sentence.range);
  const std::optional<std::chrono::sys_days> note_date =
      options.note_date.empty() ? date_of_note(text, analysis.sections)
                                : std::optional(day_of(options.note_date));
  if (note_date) analysis.note_date = iso_date(*note_date);
  std::vector<Span> heard = plausible(note, found);
  analysis.raw = found;
  for (const NoteSentence& sentence : sentences) {
    for (Span& span : spans_of(text, sentence, note_date)) {
      heard.push_back(span);
      analysis.raw.push_back(std::move(span));
    }
  }
  std::vector<Span> spans;
  for (const Span& span : heard) {
    for (Span& part : split_at_separators(text, span, analysis.sentences))
      spans.push_back(std::move(part));
  }
  analysis.spans = resolved(std::move(spans), options.overlaps);
  for (Span& span : analysis.spans) link(text, span);
  assess(text, sentences, analysis);
  return analysis;
}

}  // namespace medlar::clinical
