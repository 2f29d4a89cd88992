#include "clinical/deid/residual.h"

#include "clinical/deid/words.h"

namespace medlar::clinical {
namespace {

bool is_year(const KnownWord& word) {
  return word.text.size() == 4 && (word.text.starts_with("19") || word.text.starts_with("20"));
}

/// Why a word looks as if it identified somebody, or null.
const char* suspicion(const KnownWord& word) {
  constexpr u64 harmless = word_common | word_term | word_eponym | word_country | word_state |
                           cue_title | cue_facility | cue_facility_tail | cue_month | cue_label;
  switch (word.shape) {
    case Shape::title:
      return word.text.size() > 2 && !word.is(harmless) ? "a capital, and no common word" : nullptr;
    case Shape::digits:
      return word.text.size() >= 5 || (word.text.size() == 4 && !is_year(word) && word.touches)
                 ? "a run of digits"
                 : nullptr;
    case Shape::mixed:
      return word.text.size() >= 6 ? "letters and digits" : nullptr;
    case Shape::mark:
      return word.is_mark('@') ? "an at sign" : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

std::vector<Span> residual(std::string_view text) {
  std::vector<Span> spans;
  bool in_mask = false;
  for (const KnownWord& word : words_of(text, Lexicon::embedded())) {
    if (word.is_mark('[')) in_mask = true;
    if (word.is_mark(']') || word.begins_line) in_mask = word.is_mark('[');
    if (in_mask) continue;
    const char* why = suspicion(word);
    if (why == nullptr) continue;
    spans.push_back({.range = word.range,
                     .label = "SUSPECT",
                     .score = 0.5F,
                     .producer = "shape",
                     .evidence = why});
  }
  return spans;
}

}  // namespace medlar::clinical
